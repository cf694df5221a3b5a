//! PFCP (TS 29.244, Release 17) for both ends of N4.
//!
//! [`Packet::decode`] reads a datagram and checks everything in it, grouped elements included; what it returns needs no
//! further check of form. [`Endpoint`] is the protocol between the nodes without any I/O: transactions with repetition and
//! duplicate detection, associations with heartbeats, restarts and release.
//!
//! The numbers of the information elements and the codecs of the address elements are those of `rs-pfcp`, none of whose
//! types show here. The other values are written and read here, because there it loses what we need (the parts of an SDF
//! filter besides the flow description, unknown causes, labels of a domain name).

mod association;
mod cause;
mod endpoint;
mod ethernet;
pub mod ie;
mod load;
mod messages;
mod node;
mod node_report;
mod packet;
mod pfd;
mod rule;
mod steering;
mod transactions;
mod tunnel;
mod usage;
mod wire;

pub use association::Down;
pub use cause::{Cause, FailedRuleId, IeProblem, OffendingIe};
pub use endpoint::{Counters, Endpoint, EndpointConfig, Event, PORT, Peers, RequestError, RequestToken, Role};
pub use ethernet::{
    EthernetFilterId, EthernetFilterProperties, EthernetPacketFilter, EthernetPduSessionInformation,
    EthernetTrafficInformation, Ethertype, Mac, MacAddress, MacAddresses, VlanTag,
};
pub use load::{LoadControlInformation, LoadSequence, Metric, OciFlags, OverloadControlInformation, Timer};
pub use messages::*;
pub use node::{ApnDnn, CpFunctionFeatures, NetworkInstance, NodeId, NtpTime, RecoveryTimeStamp, UpFunctionFeatures};
pub use node_report::{
    GtpUPeer, NodeReportRequest, NodeReportResponse, NodeReportType, PathFailureReport, PathRecoveryReport,
};
pub use packet::{DecodeError, EncodeError, Header, Message, MessageType, Packet, Sequence};
pub use pfd::{ApplicationPfds, PfdContents, PfdContext, PfdManagementRequest, PfdManagementResponse};
pub use rule::*;
pub use steering::{DuplicatingParameters, ForwardingPolicy, RedirectInformation, UpdateDuplicatingParameters};
pub use transactions::{Arrival, RequestId, Timers, Transactions, Transmit};
pub use tunnel::{FSeid, FTeid, Interface, OuterHeaderCreation, OuterHeaderRemoval, Seid, Teid, UeIpAddress};
pub use usage::*;
