/* SPDX-License-Identifier: Apache-2.0 */
#include "store/shared.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

#include <pthread.h>

#define STRIPES 16u
#define BUCKETS_FIRST 64u

const struct shared_limits shared_default_limits = {
    .bytes = (size_t)64 << 20, .value_bytes = (size_t)4 << 20, .ttl_ns = 86400 * NS_PER_S};

struct entry {
    struct entry *chain; /* same bucket */
    struct entry *newer;
    struct entry *older;
    uint64_t hash;
    int64_t expires_ns;
    uint64_t owner;
    enum shared_kind kind;
    uint32_t name_len;
    size_t value_len;
    char bytes[]; /* name, value */
};

struct stripe {
    pthread_mutex_t lock;
    struct entry **buckets;
    size_t bucket_count; /* power of two */
    size_t count;
    size_t bytes;
    uint64_t evicted;
    struct entry *newest;
    struct entry *oldest;
};

struct shared_store {
    const struct clock *clock;
    struct shared_limits limits;
    struct stripe stripes[STRIPES];
};

static size_t entry_bytes(const struct entry *e)
{
    return sizeof *e + e->name_len + e->value_len;
}

static struct slice entry_value(const struct entry *e)
{
    return slice_of(e->bytes + e->name_len, e->value_len);
}

static bool stripe_init(struct stripe *s)
{
    s->buckets = memory_array(BUCKETS_FIRST, sizeof(struct entry *));
    s->bucket_count = BUCKETS_FIRST;
    return s->buckets != NULL && pthread_mutex_init(&s->lock, NULL) == 0;
}

static void stripe_release(struct stripe *s)
{
    for (struct entry *e = s->newest; e != NULL;) {
        struct entry *older = e->older;
        memory_free(e);
        e = older;
    }
    if (s->buckets != NULL) {
        memory_free(s->buckets);
        pthread_mutex_destroy(&s->lock);
    }
}

struct shared_store *shared_new(const struct clock *clock, const struct shared_limits *limits)
{
    struct shared_store *store = memory_array(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->clock = clock;
    store->limits = *limits;
    for (size_t i = 0; i < STRIPES; i++) {
        if (!stripe_init(&store->stripes[i])) {
            shared_free(store);
            return NULL;
        }
    }
    return store;
}

void shared_free(struct shared_store *store)
{
    for (size_t i = 0; store != NULL && i < STRIPES; i++) {
        stripe_release(&store->stripes[i]);
    }
    memory_free(store);
}

static void list_add(struct stripe *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    if (s->newest != NULL) {
        s->newest->newer = e;
    }
    s->newest = e;
    s->oldest = s->oldest == NULL ? e : s->oldest;
}

static void list_remove(struct stripe *s, const struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &s->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &s->oldest) = e->newer;
}

/* Where the pointer to the entry stands, or to nothing at the chain's end. */
static struct entry **place_of(const struct stripe *s, uint64_t hash, const struct shared_key *key)
{
    struct entry **place = &s->buckets[hash & (s->bucket_count - 1)];
    for (; *place != NULL; place = &(*place)->chain) {
        const struct entry *e = *place;
        if (e->hash == hash && e->kind == key->kind && e->owner == key->owner &&
            slice_eq(slice_of(e->bytes, e->name_len), key->name)) {
            break;
        }
    }
    return place;
}

static void drop(struct stripe *s, struct entry **place)
{
    struct entry *e = *place;
    *place = e->chain;
    list_remove(s, e);
    s->bytes -= entry_bytes(e);
    s->count--;
    memory_free(e);
}

static void drop_entry(struct stripe *s, const struct entry *e)
{
    struct entry **place = &s->buckets[e->hash & (s->bucket_count - 1)];
    while (*place != e) {
        place = &(*place)->chain;
    }
    drop(s, place);
}

/* Longer chains are bearable when there is no memory for more buckets. */
static void grow(struct stripe *s)
{
    size_t count = s->bucket_count * 2;
    struct entry **buckets = memory_array(count, sizeof(struct entry *));
    if (buckets == NULL) {
        return;
    }
    for (struct entry *e = s->oldest; e != NULL; e = e->newer) {
        struct entry **first = &buckets[e->hash & (count - 1)];
        e->chain = *first;
        *first = e;
    }
    memory_free(s->buckets);
    s->buckets = buckets;
    s->bucket_count = count;
}

/* Drops what is out of date, and the least recently used until there is room. */
static void make_room(struct stripe *s, size_t bytes, size_t limit, int64_t now_ns)
{
    while (s->oldest != NULL && (s->oldest->expires_ns <= now_ns || s->bytes + bytes > limit)) {
        s->evicted += s->oldest->expires_ns > now_ns ? 1 : 0;
        drop_entry(s, s->oldest);
    }
}

static struct entry *entry_new(const struct shared_key *key, uint64_t hash, struct slice value)
{
    struct entry *e = memory_alloc(sizeof *e + key->name.len + value.len);
    if (e == NULL) {
        return NULL;
    }
    *e = (struct entry){.hash = hash,
                        .owner = key->owner,
                        .kind = key->kind,
                        .name_len = (uint32_t)key->name.len,
                        .value_len = value.len};
    memcpy(e->bytes, key->name.ptr, key->name.len);
    if (value.len > 0) {
        memcpy(e->bytes + key->name.len, value.ptr, value.len);
    }
    return e;
}

static struct stripe *stripe_of(struct shared_store *store, uint64_t hash)
{
    return &store->stripes[hash >> 60 & (STRIPES - 1)];
}

bool shared_put(struct shared_store *store, const struct shared_key *key, struct slice value)
{
    if (key->name.len == 0 || key->name.len > SHARED_NAME_MAX) {
        return false;
    }
    uint64_t hash = hash_keyed(key->name);
    struct stripe *s = stripe_of(store, hash);
    size_t limit = store->limits.bytes / STRIPES;
    bool fits = value.len <= store->limits.value_bytes &&
                sizeof(struct entry) + key->name.len + value.len <= limit;
    struct entry *e = fits ? entry_new(key, hash, value) : NULL;
    int64_t now_ns = clock_monotonic(store->clock);
    pthread_mutex_lock(&s->lock);
    struct entry **place = place_of(s, hash, key);
    if (*place != NULL) {
        drop(s, place);
    }
    if (e != NULL) {
        make_room(s, entry_bytes(e), limit, now_ns);
        if (s->count >= s->bucket_count) {
            grow(s);
        }
        e->expires_ns = now_ns + store->limits.ttl_ns;
        place = place_of(s, hash, key);
        *place = e;
        list_add(s, e);
        s->count++;
        s->bytes += entry_bytes(e);
    }
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

bool shared_get(struct shared_store *store, const struct shared_key *key, struct buf *out)
{
    uint64_t hash = hash_keyed(key->name);
    struct stripe *s = stripe_of(store, hash);
    int64_t now_ns = clock_monotonic(store->clock);
    bool found = false;
    pthread_mutex_lock(&s->lock);
    struct entry **place = place_of(s, hash, key);
    if (*place != NULL && (*place)->expires_ns <= now_ns) {
        drop(s, place);
    } else if (*place != NULL) {
        struct entry *e = *place;
        found = buf_append(out, entry_value(e));
        list_remove(s, e);
        list_add(s, e);
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

bool shared_remove(struct shared_store *store, const struct shared_key *key)
{
    uint64_t hash = hash_keyed(key->name);
    struct stripe *s = stripe_of(store, hash);
    pthread_mutex_lock(&s->lock);
    struct entry **place = place_of(s, hash, key);
    bool found = *place != NULL;
    if (found) {
        drop(s, place);
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void shared_stats_read(struct shared_store *store, struct shared_stats *ret_stats)
{
    *ret_stats = (struct shared_stats){.entries = 0};
    for (size_t i = 0; i < STRIPES; i++) {
        struct stripe *s = &store->stripes[i];
        pthread_mutex_lock(&s->lock);
        ret_stats->entries += s->count;
        ret_stats->bytes += s->bytes;
        ret_stats->evicted += s->evicted;
        pthread_mutex_unlock(&s->lock);
    }
}
