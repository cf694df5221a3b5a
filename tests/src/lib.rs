//! What the whole-system tests share: a running core of real processes, and scripted peers.
