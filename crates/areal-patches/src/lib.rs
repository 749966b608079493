//! Labelled patches cut from scenes: labelling rules, spatial blocks, the patch store.
