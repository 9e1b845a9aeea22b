"""What each shape is made of: recipes, presets and what a creator wants otherwise."""
