//! From message types to handlers, and everything that start-up refuses.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap, btree_map::Entry},
    fmt,
    sync::Arc,
    time::Duration,
};

use psd_proto::{MessageInfo, SourceLocation};

use crate::{
    ConsumerSpec, Guard, Layer, Mode, Rate, Receiver, Settings,
    consumer::{Endpoint, Endpoints},
    extract::Requirement,
    hash::Names,
    metrics::EndpointMetrics,
    receiver::schemas,
    state::States,
};

/// One handler in the routing table of a server.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Route {
    /// The path of its endpoint.
    pub path: &'static str,
    /// The message it receives.
    pub message: &'static MessageInfo,
    /// The handler's name.
    pub handler: &'static str,
    /// The module it is in.
    pub module: &'static str,
    /// Where it is written.
    pub location: SourceLocation,
    /// Who may call it, as written.
    pub guard: Guard,
    /// Whether somebody must be authenticated, all defaults applied.
    pub requires_auth: bool,
    /// Where it runs.
    pub mode: Mode,
    /// How long it may take; zero is without end.
    pub timeout: Duration,
    /// How often one caller (a user, or an anonymous connection) may call it.
    pub rate: Rate,
    /// How many bytes a body may have, compressed or not.
    pub max_bytes: usize,
    pub(crate) receive: crate::receiver::ReceiveFn,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auth = if self.requires_auth { "auth" } else { "open" };
        let (path, message, module, handler) = (self.path, self.message.message_type, self.module, self.handler);
        write!(f, "{path:<8} {message:<24} {auth:<5} {module}::{handler} ({})", self.location)
    }
}

/// The routing table of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    names: Names<RouteIndex>,
    routes: Vec<Route>,
}

/// A place in the routing table of an endpoint, so that each request looks its name up once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteIndex(usize);

impl Routes {
    pub(crate) fn find(&self, message_type: &str) -> Option<RouteIndex> {
        self.names.get(message_type).copied()
    }

    pub(crate) fn at(&self, index: RouteIndex) -> Option<&Route> {
        self.routes.get(index.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}

impl FromIterator<Route> for Routes {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        let routes: Vec<_> = routes.into_iter().collect();
        let name = |(index, route): (usize, &Route)| (route.message.message_type, RouteIndex(index));
        Self { names: routes.iter().enumerate().map(name).collect(), routes }
    }
}

/// What to do about a client message that no handler receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unhandled {
    /// Nothing: the program serves a part of its contract on purpose.
    Allow,
    /// Log a warning when the server starts.
    #[default]
    Warn,
    /// Refuse to start.
    Refuse,
}

/// Builds the endpoints of every linked receiver, or reports all that is wrong.
pub(crate) struct Table<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) states: &'a States,
    pub(crate) consumers: Vec<ConsumerSpec>,
    pub(crate) unhandled: Unhandled,
    /// Layers for every consumer, and for one.
    pub(crate) layers: &'a [(Option<ConsumerSpec>, Arc<dyn Layer>)],
    /// Receivers for every consumer that has none of its own for their messages.
    pub(crate) ready_made: &'a [Receiver],
}

impl Table<'_> {
    pub(crate) fn build(self, receivers: Vec<&'static Receiver>, problems: &mut Vec<String>) -> Endpoints {
        let mut specs: BTreeMap<&'static str, ConsumerSpec> = BTreeMap::new();
        let mut routes: HashMap<TypeId, BTreeMap<&'static str, Route>> = HashMap::new();
        for spec in &self.consumers {
            self.add_consumer(*spec, &mut specs, problems);
        }
        for receiver in &receivers {
            let spec = (receiver.consumer)();
            self.add_consumer(spec, &mut specs, problems);
            self.check(receiver, &spec, problems);
            let route = self.route(receiver, &spec);
            match routes.entry(spec.id).or_default().entry(receiver.message.message_type) {
                Entry::Vacant(entry) => drop(entry.insert(route)),
                Entry::Occupied(entry) => problems.push(format!(
                    "two handlers receive `{}` on {}: `{}` at {} and `{}` at {}; keep one of them, or put one on a \
                     consumer of its own",
                    receiver.message.message_type,
                    spec.path,
                    entry.get().handler,
                    entry.get().location,
                    receiver.name,
                    receiver.location,
                )),
            }
        }
        self.check_handled(&receivers, problems);
        self.check_limits(&receivers, problems);
        let endpoint = |spec: ConsumerSpec| {
            let mut routes = routes.remove(&spec.id).unwrap_or_default();
            for receiver in self.ready_made {
                routes.entry(receiver.message.message_type).or_insert_with(|| self.route(receiver, &spec));
            }
            let layers_of = |id: Option<TypeId>| {
                let has_id = move |(only, _): &&(Option<ConsumerSpec>, _)| only.map(|spec| spec.id) == id;
                self.layers.iter().filter(has_id).map(|(_, layer)| layer.clone())
            };
            let layers = layers_of(None).chain(layers_of(Some(spec.id))).collect();
            let metrics = EndpointMetrics::new(routes.keys().copied());
            Arc::new(Endpoint { spec, routes: routes.into_values().collect(), metrics, layers })
        };
        specs.into_values().map(endpoint).collect()
    }

    fn add_consumer(
        &self,
        spec: ConsumerSpec,
        specs: &mut BTreeMap<&'static str, ConsumerSpec>,
        problems: &mut Vec<String>,
    ) {
        match specs.entry(spec.path) {
            Entry::Vacant(entry) => {
                if !spec.path.starts_with('/') {
                    problems.push(format!("consumer `{}` has the path `{}`: begin it with `/`", spec.name, spec.path));
                }
                entry.insert(spec);
            }
            Entry::Occupied(entry) if entry.get().id != spec.id => {
                let text = format!(
                    "consumers `{}` and `{}` share the path `{}`: give one of them another",
                    entry.get().name,
                    spec.name,
                    spec.path
                );
                if !problems.contains(&text) {
                    problems.push(text);
                }
            }
            Entry::Occupied(_) => {}
        }
    }

    fn check(&self, receiver: &Receiver, spec: &ConsumerSpec, problems: &mut Vec<String>) {
        let place = format!("handler `{}` at {}", receiver.name, receiver.location);
        if receiver.mode == Mode::Blocking && self.settings.n_sync_workers == 0 {
            problems.push(format!("{place} is `blocking`, but there are no workers: set `PSD_N_SYNC_WORKERS` above 0"));
        }
        let guard = receiver.guard.function.map(|function| (function.requirements)());
        let own = receiver.requirements.iter().map(|requirement| ("", requirement()));
        let of_guard = guard.into_iter().flatten().map(|requirement| ("the guard of ", requirement));
        for (whose, requirement) in own.chain(of_guard) {
            match requirement {
                Requirement::State { id, name } if !self.states.contains(id) => {
                    let name = brief(name);
                    problems.push(format!(
                        "{whose}{place} takes `State<{name}>`, which nobody provided: add `.state(…)` of that type to the \
                         server"
                    ));
                }
                Requirement::Session { id, name } if id != spec.session.0 => problems.push(format!(
                    "{whose}{place} takes `Session<{}>`, but its consumer `{}` keeps `{}`: take that one, or name the right \
                     consumer",
                    brief(name),
                    spec.name,
                    brief(spec.session.1)
                )),
                _ => {}
            }
        }
    }

    fn route(&self, receiver: &Receiver, spec: &ConsumerSpec) -> Route {
        let &Receiver { name, module, location, message, guard, mode, receive, limits, .. } = receiver;
        let settings = self.settings;
        let message_type = message.message_type;
        Route {
            path: spec.path,
            message,
            handler: name,
            module,
            location,
            guard,
            requires_auth: guard.requires_auth(message.auth, settings.default_auth),
            mode,
            timeout: limits.timeout.unwrap_or(settings.handler_timeout),
            rate: settings.message_rates.get(message_type).copied().or(limits.rate).unwrap_or(Rate::UNLIMITED),
            max_bytes: settings
                .message_bytes
                .get(message_type)
                .copied()
                .or(limits.max_bytes)
                .unwrap_or(settings.max_frame_bytes),
            receive,
        }
    }

    /// Names the limits that the settings give to messages that nobody receives.
    fn check_limits(&self, receivers: &[&'static Receiver], problems: &mut Vec<String>) {
        let Settings { message_rates, message_bytes, .. } = self.settings;
        let rates = message_rates.message_types().map(|message_type| ("PSD_MESSAGE_RATES", message_type));
        let bytes = message_bytes.message_types().map(|message_type| ("PSD_MESSAGE_BYTES", message_type));
        for (variable, message_type) in rates.chain(bytes) {
            let mut all = receivers.iter().copied().chain(self.ready_made);
            if !all.any(|receiver| receiver.message.message_type == message_type) {
                problems.push(format!(
                    "`{variable}` limits `{message_type}`, which no handler receives: correct the message type, or remove it"
                ));
            }
        }
    }

    /// Names every message of clients that no handler receives; the common messages have receivers of their own.
    fn check_handled(&self, receivers: &[&'static Receiver], problems: &mut Vec<String>) {
        if self.unhandled == Unhandled::Allow {
            return;
        }
        let common = psd_proto::common::SCHEMA.messages;
        let is_common = |info: &MessageInfo| common.iter().any(|common| common.full_name == info.full_name);
        let is_handled = |info: &MessageInfo| receivers.iter().any(|one| one.message.full_name == info.full_name);
        let mut unhandled: Vec<&MessageInfo> = schemas()
            .flat_map(|schema| schema.messages)
            .copied()
            .filter(|info| info.origin.is_client() && !is_common(info) && !is_handled(info))
            .collect();
        unhandled.sort_by_key(|info| info.full_name);
        unhandled.dedup_by_key(|info| info.full_name);
        let mut missing: Vec<String> = unhandled
            .into_iter()
            .map(|info| format!("no handler receives `{}` ({}, {})", info.message_type, info.full_name, info.location))
            .collect();
        // A crate that was not linked takes its schema with it.
        if missing.is_empty() && receivers.is_empty() {
            missing.push("the program has no handler".into());
        }
        for what in missing {
            let text = format!(
                "{what}: write one with `#[receive]`; a crate that is used for nothing but its handlers must be linked \
                 with `use my_handlers as _;`"
            );
            match self.unhandled {
                Unhandled::Refuse => problems.push(text),
                _ => tracing::warn!("{text}"),
            }
        }
    }
}

/// A type's name as one writes it: `Arc<Mutex<Db>>` for `alloc::sync::Arc<std::sync::poison::mutex::Mutex<app::Db>>`.
fn brief(type_name: &str) -> String {
    let mut brief = String::new();
    for part in type_name.split_inclusive(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':')) {
        brief.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    brief
}

#[cfg(test)]
mod tests;
