/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several nodes that share caps, keys and a ledger. What the PostgreSQL string may say is libpq's
 * to judge, when it connects; a Redis address has the form of the provisional URI scheme "redis":
 * redis://[[user]:password@]host[:port][/database].
 */
#include "config/reader.h"

#include <string.h>
#include <unistd.h>

#define NODE_NAME_MAX 63u
#define REDIS_PORT 6379
#define REDIS_FORM "write redis://user:password@host:6379/0; all but the host may be left out"

/* A copy: what was read of secrets is wiped after the loading. */
static struct slice secret_text(struct reader *reader, const struct yaml *section,
                                const char *pattern)
{
    return arena_copy(&reader->snapshot->arena, slice_trim(setting_text(section, pattern)));
}

static bool is_node_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || strchr("._-", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NODE_NAME_MAX;
}

static void resolve_node(struct reader *reader, const struct yaml *section)
{
    const struct yaml *node = setting_node(section, "cluster.node");
    struct slice *name = &reader->snapshot->cluster.node;
    char host[NODE_NAME_MAX + 1] = "";
    if (node == NULL) {
        gethostname(host, sizeof(host) - 1);
        *name = arena_copy(&reader->snapshot->arena, slice_from_cstr(host));
    } else {
        *name = slice_trim(node->text);
    }
    if (!is_node_name(*name)) {
        report_error(reader, node == NULL ? section->key_place : node->place, "bad_value",
                     "set cluster.node to up to 63 letters, digits, '.', '_' and '-'",
                     "this cannot be the name of a node");
    }
}

/* Takes what stands before the last `separator`; false: there is none. */
static bool take_before(struct slice *rest, char separator, struct slice *ret_head)
{
    for (size_t i = rest->len; i > 0; i--) {
        if (rest->ptr[i - 1] == separator) {
            *ret_head = slice_of(rest->ptr, i - 1);
            *rest = slice_from(*rest, i);
            return true;
        }
    }
    return false;
}

/* Cuts the text behind the last `separator` off; empty: there is none. */
static struct slice cut_after(struct slice *text, char separator)
{
    struct slice tail = *text;
    struct slice head;
    if (!take_before(&tail, separator, &head)) {
        return SLICE("");
    }
    *text = head;
    return tail;
}

static bool read_number(struct slice text, uint64_t fallback, uint16_t *ret_value)
{
    uint64_t value = fallback;
    bool fine = text.len == 0 || (slice_to_u64(text, &value) && value <= UINT16_MAX);
    *ret_value = (uint16_t)value;
    return fine;
}

/* [user:]password */
static void read_login(struct slice login, struct redis_address *ret_address)
{
    ret_address->password = login;
    if (slice_find(login, ':') != SIZE_MAX) {
        ret_address->user = slice_cut(&ret_address->password, ':');
    }
}

static bool read_redis(struct slice text, struct redis_address *ret_address)
{
    struct slice login = SLICE("");
    if (!slice_starts(text, SLICE("redis://"))) {
        return false;
    }
    text = slice_from(text, strlen("redis://"));
    if (take_before(&text, '@', &login)) {
        read_login(login, ret_address);
    }
    bool fine = read_number(cut_after(&text, '/'), 0, &ret_address->database);
    struct slice port = slice_ends(text, SLICE("]")) ? SLICE("") : cut_after(&text, ':');
    fine = read_number(port, REDIS_PORT, &ret_address->port) && fine;
    if (slice_starts(text, SLICE("[")) && slice_ends(text, SLICE("]"))) {
        text = slice_of(text.ptr + 1, text.len - 2);
    }
    ret_address->host = text;
    return fine && text.len > 0 && ret_address->port > 0 && slice_find(text, '/') == SIZE_MAX;
}

void resolve_cluster(struct reader *reader)
{
    const struct yaml *section = setting_section(reader, "cluster");
    struct cluster_settings *cluster = &reader->snapshot->cluster;
    const struct yaml *redis = setting_node(section, "cluster.redis");
    cluster->postgres = secret_text(reader, section, "cluster.postgres");
    cluster->allows_away = setting_number(section, "cluster.when_away") != 0;
    cluster->lease_wait_ms = setting_number(section, "cluster.lease_wait");
    if (section == NULL) {
        return;
    }
    resolve_node(reader, section);
    cluster->redis_url = secret_text(reader, section, "cluster.redis");
    if (redis != NULL && !read_redis(cluster->redis_url, &cluster->redis)) {
        report_error(reader, redis->place, "bad_value", REDIS_FORM,
                     "this is no address of a Redis");
    }
    if (cluster->postgres.len == 0 && !setting_attempted(section, "cluster.postgres")) {
        report_error(reader, section->key_place, "required",
                     "set cluster.postgres, or remove the section",
                     "nodes share caps, keys and the ledger through PostgreSQL");
    }
    if (reader->snapshot->ledger_path.len == 0) {
        report_error(reader, section->key_place, "contradiction", "set ledger.enabled: true",
                     "a node of a cluster has a ledger of its own, which is switched off");
    }
}
