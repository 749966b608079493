//! The self-contained HTML report: tables, plots, maps, provenance.
