/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses off the loop: getaddrinfo() on libuv's threads, one lookup at a time for a
 * name however many wait. An answer is used for 60 s; when a later lookup fails or takes long, the
 * last good answer serves for up to 10 minutes, so that a broken name server does not take healthy
 * providers away. Time is the loop's clock. One thread.
 *
 * Addresses come with families alternating (RFC 8305 section 4), in the system's order of
 * preference otherwise.
 */
#ifndef SLUICE_NET_RESOLVER_H
#define SLUICE_NET_RESOLVER_H

#include "net/loop.h"

#include <netinet/in.h>

#define RESOLVER_ADDRESSES_MAX 8
#define RESOLVER_NAMES_MAX 4096
#define RESOLVER_FRESH_NS (60 * NS_PER_S)
#define RESOLVER_STALE_NS (600 * NS_PER_S)
#define RESOLVER_STALE_AFTER_MS 500 /* waiting for a lookup while there is an old answer */

/* The port is the dialler's. */
union net_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct resolver;
struct resolver_entry;

/* Embedded by who waits. */
struct resolver_wait {
    struct resolver_entry *entry; /* NULL: not waiting */
    struct resolver_wait *prev;
    struct resolver_wait *next;
    /* count 0: no address, `detail` says why. Called from the loop, once; the addresses are valid
     * during the call. */
    void (*on_done)(struct resolver_wait *wait, const union net_address *addresses, size_t count,
                    const char *detail);
    void *owner;
};

enum resolver_status {
    RESOLVER_READY,   /* *ret_addresses is valid until control returns to the loop */
    RESOLVER_WAITING, /* on_done follows */
    RESOLVER_FAILED,  /* not a name, or no room */
};

/* NULL: out of memory. */
MUST_USE struct resolver *resolver_new(struct net_loop *loop);
/* Numeric addresses (IPv6 without brackets) and fresh answers are there at once. The caller has set
 * on_done and owner. */
MUST_USE enum resolver_status resolver_lookup(struct resolver *resolver, const char *host,
                                              struct resolver_wait *wait,
                                              const union net_address **ret_addresses,
                                              size_t *ret_count);
/* on_done will not be called. No-op when not waiting. */
void resolver_forget(struct resolver_wait *wait);
/* Puts an answer into the cache as if it had been looked up now; false when there is no room. */
bool resolver_learn(struct resolver *resolver, const char *host, const union net_address *addresses,
                    size_t count);
/* Nobody may be waiting. on_closed runs on a later turn, after lookups under way have ended; then
 * resolver_free(). */
void resolver_close(struct resolver *resolver, void (*on_closed)(void *owner), void *owner);
/* NULL-safe. */
void resolver_free(struct resolver *resolver);

#endif
