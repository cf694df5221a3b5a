//! The unified data management (TS 23.501 6.2.7). (Founder: I am writing this crate, and have written ausf; API helper, please leave both, finish udr and then test the chain AUSF -> UDM -> UDR.)
