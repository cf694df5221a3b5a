//! The one place where an operation becomes a client method, a server method and a route.

/// Defines a service: a typed client, the trait its server implements, and the routes between HTTP and that trait.
///
/// ```text
/// service! {
///     /// Nudm_SubscriberDataManagement (TS 29.503 5.2).
///     client NudmSdm, server NudmSdmServer, of Udm NudmSdm at "/nudm-sdm/v2";
///
///     /// Access and mobility subscription data (TS 29.503 6.1.3.5).
///     fn get_am_data(supi: Supi; query PlmnQuery) = GET "/{supi}/am-data" -> Json<AccessAndMobilitySubscriptionData>;
///     /// Registers the serving AMF.
///     fn put_amf(ue_id: Supi; body Json<Amf3GppAccessRegistration>) = PUT "/{ueId}/registrations/amf-3gpp-access" -> NoContent;
/// }
/// ```
/// Parameters in parentheses stand in the order of the template's braces. `query` takes a struct of serde; `body` a
/// [`Codec`](crate::Codec); the result is a [`Reply`](crate::Reply). Use `routes(server)` to get the service's
/// [`Routes`](crate::Routes).
#[macro_export]
macro_rules! service {
    (
        $(#[$meta:meta])*
        client $client:ident, server $server:ident, of $nf:ident $service:ident at $root:literal;
        $(
            $(#[$doc:meta])*
            fn $op:ident($($p:ident: $pt:ty),* $(; query $query:ty)? $(; body $body:ty)?) = $method:ident $path:literal -> $reply:ty;
        )+
    ) => {
        /// The first two segments of every resource's path: `/{apiName}/{apiVersion}` (TS 29.501 4.4.1).
        pub const ROOT: &str = $root;

        $(#[$meta])*
        ///
        /// The client: each method performs one service operation.
        #[derive(Clone)]
        pub struct $client {
            caller: std::sync::Arc<dyn $crate::Caller>,
            target: $crate::Target,
        }

        impl $client {
            /// A client of whichever instance discovery finds.
            pub fn new(caller: std::sync::Arc<dyn $crate::Caller>) -> Self {
                let nf_type = sbi_models::nrf::NfType::$nf;
                let service = sbi_models::nrf::ServiceName::$service;
                Self { caller, target: $crate::Target::Service($crate::ServiceQuery { nf_type, service }) }
            }

            /// A client of the instance at `root`, such as the one that made a resource.
            pub fn at(caller: std::sync::Arc<dyn $crate::Caller>, root: $crate::ApiRoot) -> Self {
                Self { caller, target: $crate::Target::Root(root) }
            }

            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// What the server answered, or why it did not ([`SbiError`](crate::SbiError)).
                #[allow(clippy::ptr_arg)] // a parameter may be any type, String among them
                pub async fn $op(
                    &self $(, $p: &$pt)* $(, query: &$query)? $(, body: &<$body as $crate::Codec>::Value)?
                ) -> Result<<$reply as $crate::Reply>::Value, $crate::SbiError> {
                    #[allow(unused_mut)]
                    let mut path = $crate::fill_path($root, $path, &[$($p as &dyn std::fmt::Display),*]);
                    $({ let query: &$query = query; $crate::write_query(&mut path, query); })?
                    let request = $crate::__request!($method, &path $(, $body, body)?)?;
                    <$reply as $crate::Reply>::read(self.caller.call(&self.target, request).await?)
                }
            )+
        }

        $(#[$meta])*
        ///
        /// The server: each method answers one service operation.
        pub trait $server: Send + Sync + 'static {
            $(
                $(#[$doc])*
                fn $op(
                    &self $(, $p: $pt)* $(, query: $query)? $(, body: <$body as $crate::Codec>::Value)?
                ) -> impl Future<Output = Result<<$reply as $crate::Reply>::Value, $crate::Problem>> + Send;
            )+
        }

        /// The routes from requests to `server`'s methods.
        pub fn routes<S: $server>(server: std::sync::Arc<S>) -> $crate::Routes {
            $crate::Routes::default().with($root, move |request| {
                answer(&server, request).unwrap_or_else(|problem| Box::pin(std::future::ready(problem.into())))
            })
        }

        /// Reads a request at once, so that the future of its operation has what the operation needs and no more: it is made for each
        /// request, and what is larger than a kibioctet takes much longer to allocate.
        fn answer<S: $server>(
            server: &std::sync::Arc<S>,
            request: $crate::Request,
        ) -> Result<$crate::BoxFuture<'static, $crate::Answer>, $crate::Problem> {
            let (parts, content) = request.into_parts();
            let path = parts.uri.path();
            let mut known = false;
            $(
                if let Some([$($p),*]) = $crate::match_path($root, $path, path) {
                    known = true;
                    if parts.method == http::Method::$method {
                        $(let $p: $pt = $crate::__private::parameter(stringify!($p), $p)?;)*
                        let _ = &content;
                        $(let query = $crate::read_query::<$query>(parts.uri.query())?;)?
                        $(let body = $crate::__private::read_body::<$body>(&parts.headers, content)?;)?
                        let server = server.clone();
                        return Ok(Box::pin(async move {
                            let value = server
                                .$op(
                                    $($p,)*
                                    $(std::convert::identity::<$query>(query),)?
                                    $(std::convert::identity::<<$body as $crate::Codec>::Value>(body),)?
                                )
                                .await;
                            value.map_or_else(Into::into, <$reply as $crate::Reply>::write)
                        }));
                    }
                }
            )+
            Err(match known {
                true => $crate::Problem::method_not_allowed(&parts.method, path),
                false => $crate::Problem::no_such_resource(path),
            })
        }
    };
}

/// The request of an operation, with or without a body.
#[doc(hidden)]
#[macro_export]
macro_rules! __request {
    ($method:ident, $path:expr) => {
        $crate::__private::request::<$crate::Json<()>>(http::Method::$method, $path, None)
    };
    ($method:ident, $path:expr, $body:ty, $value:ident) => {
        $crate::__private::request::<$body>(http::Method::$method, $path, Some($value))
    };
}

/// What the expansion of [`service!`] calls.
#[doc(hidden)]
pub mod __private {
    use bytes::Bytes;

    use crate::{Body, Codec, Problem, Request, SbiError};

    /// Makes a request.
    pub fn request<'a, B: Codec>(
        method: http::Method,
        path: &str,
        body: Option<&'a B::Value>,
    ) -> Result<Request<Body<'a>>, SbiError> {
        crate::call::build_request::<B>(method, path, body)
    }

    /// Reads a path parameter.
    pub fn parameter<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, raw: &str) -> Result<T, Problem> {
        crate::route::parameter(name, raw)
    }

    /// Reads a request's body.
    pub fn read_body<B: Codec>(headers: &http::HeaderMap, body: Bytes) -> Result<B::Value, Problem> {
        B::decode(crate::body::content_type(headers), body)
    }
}
