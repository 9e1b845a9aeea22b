"""Where people and rigs come from, beyond the rig folders of :mod:`training.rigs`."""
