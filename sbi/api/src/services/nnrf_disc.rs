//! Nnrf_NFDiscovery (TS 29.510 5.3, 6.2).

use sbi_models::nrf::{SearchQuery, SearchResult};

use crate::{Json, service};

service! {
    /// Nnrf_NFDiscovery (TS 29.510 5.3): who offers a service.
    client NnrfDisc, server NnrfDiscServer, of Nrf NnrfDisc at "/nnrf-disc/v1";

    /// NFDiscover (TS 29.510 5.3.2.2). Nobody found is an empty list, not an error.
    fn search(; query SearchQuery) = GET "/nf-instances" -> Json<SearchResult>;
}
