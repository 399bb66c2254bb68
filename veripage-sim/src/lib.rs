//! A simulated machine for hosts.
