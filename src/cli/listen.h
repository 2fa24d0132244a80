/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that the server is to listen on: the override of the command line, and whether they are
 * free. */
#ifndef SLUICE_CLI_LISTEN_H
#define SLUICE_CLI_LISTEN_H

#include "config/snapshot.h"

#include "base/buf.h"
#include "base/error.h"

/* Replaces the snapshot's addresses, before it is published. A port alone means 127.0.0.1. The
   rules are those of the file's server.listen: "bad_value", or "open_listener" beyond loopback
   without keys. */
MUST_USE bool listen_override(struct snapshot *snapshot, const char *address, struct error *error);
/* Workers share their port (SO_REUSEPORT), so a second server would silently get half of the
   connections: this looks first. False: "address_taken". Addresses that cannot be looked at are
   left to the server. */
MUST_USE bool listen_is_free(const struct server_settings *settings, struct error *error);
/* The URL at which a client on this machine reaches the first address; `port` is the bound one. */
void listen_put_url(const struct server_settings *settings, uint16_t port, struct buf *out);

#endif
