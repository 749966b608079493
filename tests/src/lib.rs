//! Tests of the areal program as its users run it.
