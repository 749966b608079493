//! Saliency maps and the measures of their faithfulness.
