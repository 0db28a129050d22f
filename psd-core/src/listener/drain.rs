//! What happens between the wish to shut down and the last connection's end.

use std::time::Duration;

use crate::Server;

/// Waits until every connection has gone, or drops what is left after the drain timeout.
pub(super) async fn drained(server: &Server) {
    for connection in server.0.hub.connections() {
        connection.nudge();
    }
    server.0.connections.close();
    if tokio::time::timeout(server.0.settings.drain_timeout, server.0.connections.wait()).await.is_err() {
        let left = server.0.hub.connections();
        tracing::warn!(connections = left.len(), "dropped after the drain timeout");
        for connection in left {
            connection.kill();
        }
        // The tasks end at their next poll, unless a handler blocks its thread.
        let _ = tokio::time::timeout(Duration::from_secs(1), server.0.connections.wait()).await;
    }
}
