"""Training of the face finder: pictures of our rigs in, models/landmarks.onnx out.

python -m training.landmarks.dataset   draws the cache of pictures
python -m training.landmarks.train     trains and exports, `--hold-out FAMILY` for a fold
python -m training.landmarks.evaluate  errors per family left out, detection rate, false accepts
"""
