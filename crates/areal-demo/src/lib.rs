//! A generated landscape with known truth: scenes, districts, labels, wealth.
