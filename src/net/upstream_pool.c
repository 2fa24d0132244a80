/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_private.h"

#include "base/memory.h"

/* --- finding the pool --- */

static bool key_matches(const struct upstream_pool *pool, const struct upstream_origin *origin)
{
    return pool->key[0] == (origin->insecure ? 'i' : 'v') &&
           strcmp(pool->key + 1, origin->pool_key) == 0;
}

static char *key_new(char mark, const char *text)
{
    size_t len = strlen(text);
    char *key = memory_alloc(len + 2);

    if (key != NULL) {
        key[0] = mark;
        memcpy(key + 1, text, len + 1);
    }
    return key;
}

static void pool_free(struct upstream_pool *pool)
{
    tls_sessions_clear(&pool->sessions);
    memory_free(pool->key);
    memory_free(pool);
}

/* Origins come and go with configurations: pools that nobody uses are dropped when there are many.
 */
static void pools_prune(struct upstream *client)
{
    struct map_entry *slot;
    bool found = true;

    while (client->pools.used >= POOLS_MAX && found) {
        found = false;
        for (size_t i = 0; !found && (slot = map_next(&client->pools, &i)) != NULL;) {
            struct upstream_pool *pool = slot->value;
            if (pool->connections == 0) {
                map_remove(&client->pools, slice_from_cstr(pool->key));
                pool_free(pool);
                found = true;
            }
        }
    }
    memset(client->recent, 0, sizeof(client->recent));
}

static struct upstream_pool *pool_new(struct upstream *client, char *key)
{
    struct upstream_pool *pool = memory_array(1, sizeof(*pool));

    if (client->pools.used >= POOLS_MAX) {
        pools_prune(client);
    }
    if (pool == NULL || !map_set(&client->pools, slice_from_cstr(key), pool)) {
        memory_free(pool);
        memory_free(key);
        return NULL;
    }
    pool->key = key;
    return pool;
}

static struct upstream_pool *pool_find_or_add(struct upstream *client,
                                              const struct upstream_origin *origin)
{
    char *key = key_new(origin->insecure ? 'i' : 'v', origin->pool_key);

    if (key == NULL) {
        return NULL;
    }
    struct upstream_pool *pool = map_get(&client->pools, slice_from_cstr(key));
    if (pool == NULL) {
        return pool_new(client, key);
    }
    memory_free(key);
    return pool;
}

struct upstream_pool *pool_for(struct upstream *client, const struct upstream_origin *origin)
{
    /* Origins are heap objects of some hundred bytes: the low bits say nothing. */
    size_t slot = ((uintptr_t)origin >> 6 ^ (uintptr_t)origin >> 12) & (POOLS_RECENT - 1);
    struct upstream_pool *pool = client->recent[slot];

    if (LIKELY(pool != NULL && key_matches(pool, origin))) {
        return pool;
    }
    pool = pool_find_or_add(client, origin);
    client->recent[slot] = pool;
    return pool;
}

/* --- idle connections --- */

struct upstream_connection *pool_take(struct upstream_pool *pool)
{
    struct upstream_connection *c = pool->idle;

    if (c != NULL) {
        pool_drop(pool, c);
    }
    return c;
}

bool pool_put(struct upstream_pool *pool, struct upstream_connection *c)
{
    if (pool->idle_count >= c->client->limits.idle_per_origin) {
        return false;
    }
    c->idle_prev = NULL;
    c->idle_next = pool->idle;
    if (c->idle_next != NULL) {
        c->idle_next->idle_prev = c;
    }
    pool->idle = c;
    pool->idle_count++;
    return true;
}

void pool_drop(struct upstream_pool *pool, struct upstream_connection *c)
{
    if (c->idle_prev != NULL) {
        c->idle_prev->idle_next = c->idle_next;
    } else {
        pool->idle = c->idle_next;
    }
    if (c->idle_next != NULL) {
        c->idle_next->idle_prev = c->idle_prev;
    }
    pool->idle_count--;
}

/* --- TLS --- */

/* One context for each file of authorities. */
static struct tls_client *tls_for(struct upstream *client, const struct upstream_origin *origin,
                                  struct error *error)
{
    char *key =
        key_new(origin->insecure ? 'i' : 'v', origin->ca_file == NULL ? "" : origin->ca_file);
    struct tls_client *tls =
        key == NULL ? NULL : map_get(&client->tls_clients, slice_from_cstr(key));

    if (key == NULL) {
        (void)error_set(error, ERROR_ENVIRONMENT, "tls", "out of memory");
        return NULL;
    }
    if (tls == NULL) {
        tls = tls_client_new(origin->ca_file, origin->insecure, error);
        if (tls != NULL && !map_set(&client->tls_clients, slice_from_cstr(key), tls)) {
            (void)error_set(error, ERROR_ENVIRONMENT, "tls", "out of memory");
            tls_client_free(tls);
            tls = NULL;
        }
    }
    memory_free(key);
    return tls;
}

SSL *pool_tls(struct upstream *client, struct upstream_pool *pool,
              const struct upstream_origin *origin, struct error *error)
{
    if (pool->tls == NULL) {
        pool->tls = tls_for(client, origin, error);
        if (pool->tls == NULL) {
            return NULL;
        }
    }
    SSL *ssl = tls_client_connection(pool->tls, origin->host, &pool->sessions);
    if (ssl == NULL) {
        (void)error_set(error, ERROR_ENVIRONMENT, "tls", "cannot set up TLS for this host");
    }
    return ssl;
}

/* --- the end --- */

void pools_close_idle(struct upstream *client)
{
    struct map_entry *slot;

    for (size_t i = 0; (slot = map_next(&client->pools, &i)) != NULL;) {
        struct upstream_pool *pool = slot->value;
        while (pool->idle != NULL) {
            connection_close(pool->idle, false);
        }
    }
}

void pools_release(struct upstream *client)
{
    struct map_entry *slot;

    for (size_t i = 0; (slot = map_next(&client->pools, &i)) != NULL;) {
        pool_free(slot->value);
    }
    map_release(&client->pools);
    for (size_t i = 0; (slot = map_next(&client->tls_clients, &i)) != NULL;) {
        tls_client_free(slot->value);
    }
    map_release(&client->tls_clients);
}
