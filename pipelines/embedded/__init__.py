"""The small trained model that ships with filmgate: its world, training, judge and weights."""
