"""Other names for the same networks: Gluon's blocks, parameters and tape as others write them."""
