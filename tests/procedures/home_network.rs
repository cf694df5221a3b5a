//! The home network's functions together: AUSF, UDM and UDR in one process, each behind its own service interface.

#[path = "home_network/authentication.rs"]
mod authentication;
#[path = "home_network/home.rs"]
mod home;
#[path = "home_network/subscriber_data.rs"]
mod subscriber_data;
