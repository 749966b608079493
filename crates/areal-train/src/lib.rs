//! Training: sampling, augmentation, learner, metrics, checkpoints.
