//! Network architectures, losses, normalisation and the model bundle.
