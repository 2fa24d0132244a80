/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes while the gateway runs: a new configuration, and what time brings. All of it belongs
 * to the main thread.
 */
#ifndef SLUICE_GATEWAY_RELOAD_H
#define SLUICE_GATEWAY_RELOAD_H

#include "gateway/gateway.h"

/* Attaches what a snapshot needs to run and makes it the published one; takes the caller's
 * reference, unless it fails. */
MUST_USE bool gateway_publish(struct gateway *gateway, struct snapshot *snapshot,
                              struct error *error);
/* The server's certificate and key as this snapshot names them. */
MUST_USE SSL_CTX *gateway_tls_context(const struct snapshot *snapshot, struct error *error);
/* Wakes all workers: there is news. */
void gateway_tell_workers(struct gateway *gateway);
/* Reads the configuration again and publishes it, or keeps the running one and says why. */
void gateway_reload(struct gateway *gateway);
/* Is one of these addresses reachable from other machines? */
bool gateway_is_reachable(const struct server_settings *settings);
/* What is due once a minute, from now on: warnings about connections that are not verified, and
 * prices that have a new date. */
void gateway_begin_minutes(struct gateway *gateway);

#endif
