//! Convolution kernels for CPUs.
