//! Nnrf_AccessToken (TS 29.510 5.4, 6.3).

use sbi_models::nrf::{AccessTokenReq, AccessTokenRsp, JwkSet};

use crate::{Form, Json, service};

service! {
    /// Nnrf_AccessToken (TS 29.510 5.4): the NRF as authorisation server (TS 33.501 13.4.1). A refusal is 400 with
    /// [`AccessTokenErr`](sbi_models::nrf::AccessTokenErr) as its body.
    client NnrfOauth2, server NnrfOauth2Server, of Nrf NnrfOauth2 at "/oauth2";

    /// AccessToken_Get (TS 29.510 5.4.2.2).
    fn access_token(; body Form<AccessTokenReq>) = POST "/token" -> Json<AccessTokenRsp>;
    /// The public keys by which this NRF's tokens are known. No specification says how producers learn of them; this is our own.
    fn keys() = GET "/jwks" -> Json<JwkSet>;
}
