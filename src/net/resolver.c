/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver.h"

#include "base/map.h"
#include "base/memory.h"

#include <arpa/inet.h>

#define HOST_MAX 253 /* RFC 1035 2.3.4, as text */

struct resolver_entry {
    struct resolver *resolver;
    char host[HOST_MAX + 1]; /* lower case */
    union net_address addresses[RESOLVER_ADDRESSES_MAX];
    size_t count;
    int64_t good_ns; /* when they were learned */
    bool running;    /* the lookup */
    bool closing;
    struct resolver_wait *waiting;
    struct deadline stale; /* an old answer is handed out when the lookup takes long */
    uv_getaddrinfo_t lookup;
};

struct resolver {
    struct net_loop *loop;
    struct map entries;
    size_t handles; /* entries whose timer is open */
    union net_address numeric;
    void (*on_closed)(void *owner);
    void *owner;
};

/* --- addresses --- */

static bool address_parse(const char *host, union net_address *address)
{
    *address = (union net_address){.v6 = {0}};
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        return true;
    }
    return false;
}

static bool address_of(const struct addrinfo *info, union net_address *address)
{
    if (info->ai_family == AF_INET && info->ai_addrlen >= sizeof(address->v4)) {
        memcpy(&address->v4, info->ai_addr, sizeof(address->v4));
        return true;
    }
    if (info->ai_family == AF_INET6 && info->ai_addrlen >= sizeof(address->v6)) {
        memcpy(&address->v6, info->ai_addr, sizeof(address->v6));
        return true;
    }
    return false;
}

/* The next address of the family, or of the other one, moves to `at`; the order within a family
 * stays. */
static void bring_forward(union net_address *addresses, size_t at, size_t count, sa_family_t family)
{
    size_t from = at;

    while (from < count && addresses[from].any.sa_family != family) {
        from++;
    }
    if (from == count || from == at) {
        return;
    }
    union net_address moved = addresses[from];
    memmove(&addresses[at + 1], &addresses[at], (from - at) * sizeof(moved));
    addresses[at] = moved;
}

static void alternate_families(union net_address *addresses, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        sa_family_t other = addresses[i - 1].any.sa_family == AF_INET ? AF_INET6 : AF_INET;
        bring_forward(addresses, i, count, other);
    }
}

/* --- entries --- */

static void entry_add_waiter(struct resolver_entry *entry, struct resolver_wait *wait)
{
    wait->entry = entry;
    wait->prev = NULL;
    wait->next = entry->waiting;
    if (wait->next != NULL) {
        wait->next->prev = wait;
    }
    entry->waiting = wait;
}

void resolver_forget(struct resolver_wait *wait)
{
    struct resolver_entry *entry = wait->entry;

    if (entry == NULL) {
        return;
    }
    if (wait->prev != NULL) {
        wait->prev->next = wait->next;
    } else {
        entry->waiting = wait->next;
    }
    if (wait->next != NULL) {
        wait->next->prev = wait->prev;
    }
    wait->entry = NULL;
}

/* Each callback may forget others that wait, or wait anew (then there is a fresh answer, or the
 * next lookup). */
static void entry_tell(struct resolver_entry *entry, const char *detail)
{
    union net_address addresses[RESOLVER_ADDRESSES_MAX];
    struct resolver_wait *waiting = entry->waiting;
    size_t count = detail == NULL ? entry->count : 0;
    struct resolver_entry told = {.waiting = waiting};

    memcpy(addresses, entry->addresses, sizeof(addresses));
    entry->waiting = NULL;
    for (struct resolver_wait *wait = waiting; wait != NULL; wait = wait->next) {
        wait->entry = &told;
    }
    while (told.waiting != NULL) {
        struct resolver_wait *wait = told.waiting;
        resolver_forget(wait);
        wait->on_done(wait, addresses, count, detail);
    }
}

static bool entry_usable(const struct resolver_entry *entry, int64_t within_ns)
{
    int64_t now = clock_monotonic(entry->resolver->loop->clock);

    return entry->count > 0 && now - entry->good_ns < within_ns;
}

static void on_stale_due(struct deadline *deadline)
{
    struct resolver_entry *entry = deadline->owner;

    if (entry_usable(entry, RESOLVER_STALE_NS)) {
        entry_tell(entry, NULL);
    }
}

static void on_entry_closed(uv_handle_t *handle)
{
    struct resolver_entry *entry = CONTAINER_OF(handle, struct resolver_entry, stale.timer);
    struct resolver *resolver = entry->resolver;

    memory_free(entry);
    if (--resolver->handles == 0 && resolver->on_closed != NULL) {
        resolver->on_closed(resolver->owner);
    }
}

/* While a lookup runs its request is part of the entry: then the end of the lookup closes it. */
static void entry_close(struct resolver_entry *entry)
{
    entry->closing = true;
    if (entry->running) {
        (void)uv_cancel((uv_req_t *)&entry->lookup); /* fails when it runs already */
        return;
    }
    deadline_close(&entry->stale, on_entry_closed);
}

static bool entry_idle(const struct resolver_entry *entry)
{
    return !entry->running && entry->waiting == NULL;
}

/* Room for one more name: forgets those that are of no use any more. */
static bool make_room(struct resolver *resolver)
{
    struct map_entry *slot;
    bool found = true;

    while (resolver->entries.used >= RESOLVER_NAMES_MAX && found) {
        found = false;
        for (size_t i = 0; !found && (slot = map_next(&resolver->entries, &i)) != NULL;) {
            struct resolver_entry *entry = slot->value;
            if (entry_idle(entry) && !entry_usable(entry, RESOLVER_STALE_NS)) {
                map_remove(&resolver->entries, slice_from_cstr(entry->host));
                entry_close(entry);
                found = true;
            }
        }
    }
    return resolver->entries.used < RESOLVER_NAMES_MAX;
}

static struct resolver_entry *entry_find_or_add(struct resolver *resolver, const char *host)
{
    char name[HOST_MAX + 1];
    size_t len = strlen(host);

    if (len == 0 || len > HOST_MAX) {
        return NULL;
    }
    for (size_t i = 0; i <= len; i++) {
        name[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] + 32) : host[i];
    }
    struct resolver_entry *entry = map_get(&resolver->entries, slice_of(name, len));
    if (entry != NULL || !make_room(resolver)) {
        return entry;
    }
    entry = memory_array(1, sizeof(*entry));
    if (entry == NULL || !map_set(&resolver->entries, slice_of(name, len), entry)) {
        memory_free(entry);
        return NULL;
    }
    entry->resolver = resolver;
    memcpy(entry->host, name, len + 1);
    deadline_init(&entry->stale, resolver->loop, on_stale_due, entry);
    resolver->handles++;
    return entry;
}

/* --- the lookup --- */

static void entry_learn(struct resolver_entry *entry, const struct addrinfo *list)
{
    size_t count = 0;

    for (; list != NULL && count < RESOLVER_ADDRESSES_MAX; list = list->ai_next) {
        count += address_of(list, &entry->addresses[count]) ? 1 : 0;
    }
    alternate_families(entry->addresses, count);
    entry->count = count;
    entry->good_ns = clock_monotonic(entry->resolver->loop->clock);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct resolver_entry *entry = CONTAINER_OF(lookup, struct resolver_entry, lookup);
    const char *detail = status == 0 ? NULL : uv_strerror(status);

    entry->running = false;
    if (entry->closing) {
        uv_freeaddrinfo(list);
        deadline_close(&entry->stale, on_entry_closed);
        return;
    }
    deadline_clear(&entry->stale);
    if (status == 0 && list != NULL) {
        entry_learn(entry, list);
    }
    uv_freeaddrinfo(list);
    if (entry->count == 0 && detail == NULL) {
        detail = "no address of a known family";
    }
    entry_tell(entry, entry_usable(entry, RESOLVER_STALE_NS) ? NULL : detail);
}

static bool entry_look_up(struct resolver_entry *entry)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    if (entry->running) {
        return true;
    }
    if (uv_getaddrinfo(&entry->resolver->loop->uv, &entry->lookup, on_looked_up, entry->host, NULL,
                       &hints) != 0) {
        return false;
    }
    entry->running = true;
    return true;
}

/* Starts or joins a lookup. False: do not wait, because it cannot start, or has taken long already
   while there is an old answer. */
static bool entry_wait_worthwhile(struct resolver_entry *entry)
{
    bool joined = entry->running;

    if (!entry_look_up(entry)) {
        return false;
    }
    if (!entry_usable(entry, RESOLVER_STALE_NS)) {
        return true;
    }
    if (!joined) {
        deadline_set(&entry->stale, RESOLVER_STALE_AFTER_MS);
    }
    return entry->stale.due_ns != 0;
}

/* --- outside --- */

struct resolver *resolver_new(struct net_loop *loop)
{
    struct resolver *resolver = memory_array(1, sizeof(*resolver));

    if (resolver != NULL) {
        resolver->loop = loop;
        map_init(&resolver->entries);
    }
    return resolver;
}

enum resolver_status resolver_lookup(struct resolver *resolver, const char *host,
                                     struct resolver_wait *wait,
                                     const union net_address **ret_addresses, size_t *ret_count)
{
    wait->entry = NULL;
    if (address_parse(host, &resolver->numeric)) {
        *ret_addresses = &resolver->numeric;
        *ret_count = 1;
        return RESOLVER_READY;
    }
    struct resolver_entry *entry = entry_find_or_add(resolver, host);
    if (entry == NULL) {
        return RESOLVER_FAILED;
    }
    if (entry_usable(entry, RESOLVER_FRESH_NS) || !entry_wait_worthwhile(entry)) {
        *ret_addresses = entry->addresses;
        *ret_count = entry->count;
        return entry_usable(entry, RESOLVER_STALE_NS) ? RESOLVER_READY : RESOLVER_FAILED;
    }
    entry_add_waiter(entry, wait);
    return RESOLVER_WAITING;
}

bool resolver_learn(struct resolver *resolver, const char *host, const union net_address *addresses,
                    size_t count)
{
    struct resolver_entry *entry = entry_find_or_add(resolver, host);

    if (entry == NULL || count > RESOLVER_ADDRESSES_MAX) {
        return false;
    }
    memcpy(entry->addresses, addresses, count * sizeof(addresses[0]));
    alternate_families(entry->addresses, count);
    entry->count = count;
    entry->good_ns = clock_monotonic(resolver->loop->clock);
    return true;
}

void resolver_close(struct resolver *resolver, void (*on_closed)(void *owner), void *owner)
{
    struct map_entry *slot;

    for (size_t i = 0; (slot = map_next(&resolver->entries, &i)) != NULL;) {
        entry_close(slot->value);
    }
    map_release(&resolver->entries);
    map_init(&resolver->entries);
    resolver->on_closed = on_closed;
    resolver->owner = owner;
    if (resolver->handles == 0) {
        on_closed(owner);
    }
}

void resolver_free(struct resolver *resolver)
{
    if (resolver != NULL) {
        CHECK(resolver->handles == 0);
        map_release(&resolver->entries);
        memory_free(resolver);
    }
}
