//! Sample designs and estimators of area with their errors; statistics on tables.
