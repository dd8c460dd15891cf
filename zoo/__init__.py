"""The sequence zoo: recurrent layers and models for Keras."""
