/* SPDX-License-Identifier: Apache-2.0 */
#include "store/shared.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/memory.h"

#include <pthread.h>

#define STRIPES 16u
#define BUCKETS_FIRST 64u
#define SHARES 4u /* an owner that has more than this part of a stripe takes from itself */

const struct shared_limits shared_default_limits = {
    .bytes = (size_t)64 << 20, .value_bytes = (size_t)4 << 20, .ttl_ns = 86400 * NS_PER_S};

/* What one owner has in a stripe. */
struct holding {
    uint64_t owner;
    size_t bytes;
    size_t count;
    struct entry *newest;
    struct entry *oldest;
};

struct entry {
    struct entry *chain; /* same bucket */
    struct entry *newer; /* of all in the stripe */
    struct entry *older;
    struct entry *own_newer; /* of its owner's */
    struct entry *own_older;
    struct holding *holding;
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
    struct map holdings; /* owner -> struct holding, of those that have entries */
    size_t share;        /* bytes: who has more makes room for others first */
    size_t over;         /* how many owners have more */
    struct holding *hog; /* one of them, as last found; or NULL */
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
    map_init(&s->holdings);
    s->buckets = memory_array(BUCKETS_FIRST, sizeof(struct entry *));
    s->bucket_count = BUCKETS_FIRST;
    return s->buckets != NULL && pthread_mutex_init(&s->lock, NULL) == 0;
}

static void stripe_release(struct stripe *s)
{
    const struct map_entry *held;
    for (size_t i = 0; (held = map_next(&s->holdings, &i)) != NULL;) {
        memory_free(held->value);
    }
    map_release(&s->holdings);
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
        store->stripes[i].share = limits->bytes / STRIPES / SHARES;
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
    struct holding *held = e->holding;
    e->newer = NULL;
    e->older = s->newest;
    if (s->newest != NULL) {
        s->newest->newer = e;
    }
    s->newest = e;
    s->oldest = s->oldest == NULL ? e : s->oldest;
    e->own_newer = NULL;
    e->own_older = held->newest;
    if (held->newest != NULL) {
        held->newest->own_newer = e;
    }
    held->newest = e;
    held->oldest = held->oldest == NULL ? e : held->oldest;
}

static void list_remove(struct stripe *s, const struct entry *e)
{
    struct holding *held = e->holding;
    *(e->newer != NULL ? &e->newer->older : &s->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &s->oldest) = e->newer;
    *(e->own_newer != NULL ? &e->own_newer->own_older : &held->newest) = e->own_older;
    *(e->own_older != NULL ? &e->own_older->own_newer : &held->oldest) = e->own_newer;
}

/* --- who has how much --- */

static struct slice owner_name(const uint64_t *owner)
{
    return slice_of((const char *)owner, sizeof(*owner));
}

/* Finds or makes it; NULL: out of memory. */
static struct holding *holding_of(struct stripe *s, uint64_t owner)
{
    struct holding *held = map_get(&s->holdings, owner_name(&owner));
    if (held == NULL) {
        held = memory_array(1, sizeof(*held));
        if (held != NULL) {
            held->owner = owner;
            if (!map_set(&s->holdings, owner_name(&owner), held)) {
                memory_free(held);
                held = NULL;
            }
        }
    }
    return held;
}

static void holding_change(struct stripe *s, struct holding *held, size_t bytes, bool more)
{
    bool was_over = held->bytes > s->share;
    held->bytes = more ? held->bytes + bytes : held->bytes - bytes;
    held->count = more ? held->count + 1 : held->count - 1;
    bool is_over = held->bytes > s->share;
    s->over += (is_over ? 1u : 0u) - (was_over ? 1u : 0u);
}

static void forget_if_empty(struct stripe *s, struct holding *held)
{
    if (held->count == 0) {
        s->hog = s->hog == held ? NULL : s->hog;
        (void)map_remove(&s->holdings, owner_name(&held->owner));
        memory_free(held);
    }
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
    holding_change(s, e->holding, entry_bytes(e), false);
    forget_if_empty(s, e->holding);
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

/* Whose oldest entry goes when `owner` wants room: its own where it has more than a share; else of
 * somebody who has; else the oldest of all. So nobody drives out what others use. There are few who
 * have more than a share, and they are looked for among all. */
static const struct entry *least_missed(struct stripe *s, const struct holding *owner, size_t bytes)
{
    if (owner->oldest != NULL && owner->bytes + bytes > s->share) {
        return owner->oldest;
    }
    const struct map_entry *held;
    if (s->hog != NULL && s->hog->bytes > s->share) {
        return s->hog->oldest;
    }
    for (size_t i = 0; s->over > 0 && (held = map_next(&s->holdings, &i)) != NULL;) {
        s->hog = held->value;
        if (s->hog->bytes > s->share) {
            return s->hog->oldest;
        }
    }
    s->hog = NULL;
    return s->oldest;
}

/* Drops what is out of date, then what is missed least until there is room. */
static void make_room(struct stripe *s, const struct holding *owner, size_t bytes, size_t limit,
                      int64_t now_ns)
{
    while (s->oldest != NULL && s->oldest->expires_ns <= now_ns) {
        drop_entry(s, s->oldest);
    }
    while (s->oldest != NULL && s->bytes + bytes > limit) {
        s->evicted++;
        drop_entry(s, least_missed(s, owner, bytes));
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
    struct holding *held = e == NULL ? NULL : holding_of(s, key->owner);
    bool kept = held != NULL;
    if (kept) {
        e->holding = held;
        held->count++; /* it stays while room is made */
        make_room(s, held, entry_bytes(e), limit, now_ns);
        held->count--;
        if (s->count >= s->bucket_count) {
            grow(s);
        }
        e->expires_ns = now_ns + store->limits.ttl_ns;
        place = place_of(s, hash, key);
        *place = e;
        list_add(s, e);
        s->count++;
        s->bytes += entry_bytes(e);
        holding_change(s, held, entry_bytes(e), true);
    }
    pthread_mutex_unlock(&s->lock);
    if (!kept) {
        memory_free(e);
    }
    return kept;
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
