//! The foreign UDR (TS 29.504, 29.505): resources by their paths, and one subscriber's in them from the beginning.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http2::{Answer, Message};
use crate::nf::{JSON, Nf, Serve, listen, lock, problem, segments, text};
use crate::udm::{K, OPC, SUPI};

/// The running UDR.
pub(crate) struct Udr {
    pub(crate) nf: Nf,
    resources: Mutex<BTreeMap<String, Value>>,
}

impl Serve for Udr {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        self.nf.check(&message, &["UDM"]);
        let path = segments(&message.path);
        let ["nudr-dr", "v2", "subscription-data", SUPI, rest @ ..] = path.as_slice() else {
            return self.nf.unknown(&message);
        };
        let resource = rest.join("/");
        let operation = format!("{} {resource}", message.method);
        let answer = match (message.method.as_str(), rest) {
            ("GET", _) => self.get(&message, &resource),
            ("PATCH", ["authentication-data", "authentication-subscription"]) => self.next_sqn(&message, &resource),
            ("PATCH", ["context-data", "amf-3gpp-access"]) => self.purge(&message, &resource),
            (
                "PUT",
                ["authentication-data", "authentication-status"]
                | ["context-data", "amf-3gpp-access" | "smf-registrations", ..],
            ) => self.put(&message, resource),
            ("DELETE", ["context-data", "smf-registrations", _]) => {
                self.nf.body(&message, "");
                lock(&self.resources)
                    .remove(&resource)
                    .map_or_else(|| problem(404, "DATA_NOT_FOUND"), |_| Answer::empty())
            }
            _ => self.nf.unknown(&message),
        };
        self.nf.saw(&operation);
        answer
    }
}

impl Udr {
    pub(crate) async fn start() -> Arc<Self> {
        let resources = provisioned().map(|(path, value)| (path.to_owned(), value)).into();
        let udr = Arc::new(Self { nf: Nf::new("UDR", 8083), resources: Mutex::new(resources) });
        listen(&udr).await;
        udr.nf.register(&[("nudr-dr", "v2")]).await;
        udr
    }

    /// A member of a resource.
    pub(crate) fn member(&self, resource: &str, pointer: &str) -> Option<Value> {
        lock(&self.resources).get(resource)?.pointer(pointer).cloned()
    }

    /// Whether a resource is there.
    pub(crate) fn has(&self, resource: &str) -> bool {
        lock(&self.resources).contains_key(resource)
    }

    /// 404 says only that: the cause is optional (TS 29.571 5.2.4.1).
    fn get(&self, message: &Message, resource: &str) -> Answer {
        self.nf.body(message, "");
        match lock(&self.resources).get(resource) {
            Some(value) => Answer::json(200, value).of_kind("application/json; charset=utf-8"),
            None => Answer::json(404, &json!({"status": 404})).of_kind("application/problem+json"),
        }
    }

    /// 201 with `Location` for what is new, 204 for what was there (TS 29.505 5.2.12.3.2).
    fn put(&self, message: &Message, resource: String) -> Answer {
        let body = self.nf.body(message, JSON);
        let uri = self.nf.uri(&message.path);
        match lock(&self.resources).insert(resource, body.clone()) {
            None => Answer::json(201, &body).at(uri),
            Some(_) => Answer::empty(),
        }
    }

    /// A new sequence number (TS 29.505 5.2.2.3.2). The first one comes late: another vector was made meanwhile.
    fn next_sqn(&self, message: &Message, resource: &str) -> Answer {
        let patch = self.nf.body(message, "application/json-patch+json");
        let sqn = "/sequenceNumber/sqn";
        let steps: Vec<_> = patch.as_array().into_iter().flatten().map(|step| (&step["op"], &step["path"])).collect();
        let (test, replace) = (json!("test"), json!("replace"));
        let pointer = json!(sqn);
        self.nf.expect(steps == [(&test, &pointer), (&replace, &pointer)], || format!("patch {patch}"));
        let mut resources = lock(&self.resources);
        let Some(kept) = resources.get_mut(resource).and_then(|data| data.pointer_mut(sqn)) else {
            return problem(404, "DATA_NOT_FOUND");
        };
        if self.nf.saw("sequence number") == 1 {
            *kept = json!("000000000A20");
        }
        if !text(&patch[0]["value"]).eq_ignore_ascii_case(&text(kept)) {
            return Answer::json(409, &json!({"title": "the test failed"})).of_kind("application/problem+json");
        }
        let more = text(&patch[1]["value"]).to_lowercase() > text(kept).to_lowercase();
        self.nf.expect(more, || format!("the sequence number does not grow: {patch}"));
        *kept = patch[1]["value"].clone();
        Answer::json(200, &json!({"report": []}))
    }

    /// The AMF has nothing of the UE any more (TS 29.505 5.2.12.3.3).
    fn purge(&self, message: &Message, resource: &str) -> Answer {
        let patch = self.nf.body(message, "application/json-patch+json");
        let purges = json!([{"op": "add", "path": "/purgeFlag", "value": true}]);
        self.nf.expect(patch == purges, || format!("patch {patch}"));
        match lock(&self.resources).get_mut(resource) {
            Some(kept) => kept["purgeFlag"] = json!(true),
            None => return problem(404, "DATA_NOT_FOUND"),
        }
        Answer::empty()
    }
}

/// What the operator put in, with attributes of later releases.
fn provisioned() -> [(&'static str, Value); 4] {
    [
        (
            "authentication-data/authentication-subscription",
            json!({
                "algorithmId": "milenage", "authenticationMethod": "5G_AKA", "encPermanentKey": K, "encOpcKey": OPC,
                "authenticationManagementField": "8000", "vectorGenerationInHss": false, "n5gcAuthMethod": null, "later": [{"x": 1}],
                "sequenceNumber": {"sqnScheme": "LATER", "sqn": "000000000100", "lastIndexes": {"ausf": 0}, "difSign": "POSITIVE"},
            }),
        ),
        (
            "99970/provisioned-data/am-data",
            json!({
                "nssai": {"defaultSingleNssais": [{"sst": 1}], "provisioningTime": "2026-11-27T05:00:00Z"}, "later": null,
                "subscribedUeAmbr": {"uplink": "1 Gbps", "downlink": "2 Gbps"}, "hssGroupId": "theirs", "micoAllowed": false,
            }),
        ),
        (
            "99970/provisioned-data/smf-selection-subscription-data",
            json!({"later": 1, "subscribedSnssaiInfos": {"1": {"dnnInfos": [{"dnn": "internet", "defaultDnnIndicator": true}]}}}),
        ),
        (
            "99970/provisioned-data/sm-data",
            json!([{"singleNssai": {"sst": 1}, "later": {}, "dnnConfigurations": {"internet": {
                "pduSessionTypes": {"defaultSessionType": "IPV4"}, "sscModes": {"defaultSscMode": "SSC_MODE_1"}, "later": [],
            }}}]),
        ),
    ]
}
