/* SPDX-License-Identifier: Apache-2.0 */
/* Sections server, log, keys, prices, ledger, classifier. */
#include "codec/pem.h"
#include "config/paths.h"
#include "config/reader.h"
#include "config/resolve_weights.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/stat.h>

#define LISTEN_MAX 64
#define ADMIN_LISTEN_MAX 8
#define CORS_ORIGINS_MAX 64

/* --- listeners --- */

enum reach { REACH_INVALID, REACH_LOOPBACK, REACH_OTHERS };

/* What the server can bind: localhost, *, or an address; no names. */
static enum reach reach_of_host(struct slice host, bool bracketed)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    if (!bracketed && slice_eq(host, SLICE("localhost"))) {
        return REACH_LOOPBACK;
    }
    if (!bracketed && slice_eq(host, SLICE("*"))) {
        return REACH_OTHERS;
    }
    if (host.len >= sizeof(text) || slice_find(host, '\0') != SIZE_MAX) {
        return REACH_INVALID;
    }
    slice_to_cstr(host, text, sizeof(text));
    if (!bracketed && inet_pton(AF_INET, text, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127 ? REACH_LOOPBACK : REACH_OTHERS;
    }
    if (bracketed && inet_pton(AF_INET6, text, &six) == 1) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127;
        return mapped || IN6_IS_ADDR_LOOPBACK(&six) ? REACH_LOOPBACK : REACH_OTHERS;
    }
    return REACH_INVALID;
}

static enum reach reach_of(struct slice address)
{
    size_t colon = SIZE_MAX;
    uint64_t port;
    for (size_t i = 0; i < address.len; i++) {
        colon = address.ptr[i] == ':' ? i : colon;
    }
    if (colon == SIZE_MAX || !slice_to_u64(slice_from(address, colon + 1), &port) ||
        port > UINT16_MAX) {
        return REACH_INVALID;
    }
    struct slice host = slice_of(address.ptr, colon);
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) {
        host = slice_of(host.ptr + 1, host.len - 2);
    }
    return reach_of_host(host, bracketed);
}

static void check_address(struct reader *reader, const struct yaml *item)
{
    const struct yaml *keys = setting_section(reader, "keys");
    bool unclear =
        setting_attempted(keys, "keys.required") && !setting_given(keys, "keys.required");
    enum reach reach = reach_of(item->text);
    int len = (int)(item->written.len < 100 ? item->written.len : 100);
    if (reach == REACH_INVALID) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", item->place,
                        "write 127.0.0.1:4141, [::1]:4141 or *:4141",
                        "\"%.*s\" is no address with a port", len, item->written.ptr);
    } else if (reach == REACH_OTHERS && !reader->snapshot->keys_required && !unclear) {
        report_error(reader, item->place, "open_listener",
                     "add  keys: { required: true }  and make a key with  sluice key create , or "
                     "listen on 127.0.0.1",
                     "anybody who reaches this address could spend your money: no client key is "
                     "required");
    }
}

/* An administrator's key does not go over a network in the clear. */
static void check_admin_address(struct reader *reader, const struct yaml *item)
{
    enum reach reach = reach_of(item->text);
    int len = (int)(item->written.len < 100 ? item->written.len : 100);
    if (reach == REACH_INVALID) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", item->place,
                        "write 127.0.0.1:4142, [::1]:4142 or *:4142",
                        "\"%.*s\" is no address with a port", len, item->written.ptr);
    } else if (reach == REACH_OTHERS && reader->snapshot->server.tls_certificate.len == 0) {
        report_error(reader, item->place, "open_listener", "add server.tls, or listen on 127.0.0.1",
                     "administrators' keys would cross the network in the clear");
    }
}

static void check_admin(struct reader *reader, const struct yaml *admin)
{
    const struct yaml *list = setting_node(admin, "admin.listen");
    struct server_settings *settings = &reader->snapshot->server;
    settings->admin_listen_count =
        setting_list(reader, admin, "admin.listen", &settings->admin_listen);
    if (list == NULL) {
        return;
    }
    if (item_count(list) > ADMIN_LISTEN_MAX) {
        report_error(reader, list->key_place, "too_large", "8 are allowed",
                     "there are too many addresses");
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        check_admin_address(reader, i);
    }
    if (reader->snapshot->ledger_path.len == 0) {
        report_error(reader, list->key_place, "contradiction", "set ledger.enabled: true",
                     "administrators' keys live in the ledger, which is switched off");
    }
}

static void check_listen(struct reader *reader, const struct yaml *server)
{
    const struct yaml *list = setting_node(server, "server.listen");
    if (item_count(list) > LISTEN_MAX) {
        report_error(reader, list->key_place, "too_large", "64 are allowed",
                     "there are too many addresses");
        return;
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        check_address(reader, i);
        for (const struct yaml *k = item_first(list); k != i; k = item_next(list, k)) {
            if (slice_eq(k->text, i->text)) {
                report_error(reader, i->place, "duplicate_name", "remove it",
                             "this address stands twice in this list");
            }
        }
    }
}

/* Both can be read: are they what they should be, and one of the other? */
static void check_tls_files(struct reader *reader, const struct yaml *tls)
{
    const struct server_settings *settings = &reader->snapshot->server;
    struct error error;
    if (settings->tls_certificate.len == 0 || settings->tls_key.len == 0 ||
        path_unreadable(settings->tls_certificate) != NULL ||
        path_unreadable(settings->tls_key) != NULL) {
        return;
    }
    if (!pem_certificates(settings->tls_certificate, &error)) {
        report_error(reader, setting_node(tls, "server.tls.certificate")->place, "bad_file",
                     "name a file with the server's certificate first, in PEM", error.text);
    } else if (!pem_pair(settings->tls_certificate, settings->tls_key, &error)) {
        report_error(reader, setting_node(tls, "server.tls.key")->place, "bad_file",
                     "name the certificate's own private key, in PEM, without a passphrase",
                     error.text);
    }
}

static void resolve_tls(struct reader *reader, const struct yaml *server)
{
    const struct yaml *tls = setting_node(server, "server.tls");
    struct server_settings *settings = &reader->snapshot->server;
    settings->tls_certificate = setting_file(reader, tls, "server.tls.certificate");
    settings->tls_key = setting_file(reader, tls, "server.tls.key");
    if (tls != NULL && (!setting_attempted(tls, "server.tls.certificate") ||
                        !setting_attempted(tls, "server.tls.key"))) {
        report_error(reader, tls->key_place, "incomplete",
                     "give certificate and key, or remove the section",
                     "TLS needs both a certificate and a key");
        return;
    }
    check_tls_files(reader, tls);
}

/* --- web pages --- */

/* As browsers write it: a scheme, a host, perhaps a port; no path. */
static bool is_origin(struct slice text)
{
    size_t at = slice_find_slice(text, SLICE("://"));
    if (at == SIZE_MAX || at == 0 || text.len > 255 || at + 3 == text.len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool blank = c <= ' ' || c > '~' || c == ',' || c == '*';
        if (blank || (c == '/' && (i < at || i > at + 2))) {
            return false;
        }
    }
    return true;
}

static void resolve_cors(struct reader *reader, const struct yaml *server)
{
    const struct yaml *cors = setting_node(server, "server.cors");
    const struct yaml *list = setting_node(cors, "server.cors.origins");
    struct server_settings *settings = &reader->snapshot->server;
    settings->cors_origin_count =
        setting_list(reader, cors, "server.cors.origins", &settings->cors_origins);
    settings->cors_max_age_ms = setting_number(cors, "server.cors.max_age");
    if (item_count(list) > CORS_ORIGINS_MAX) {
        report_error(reader, list->key_place, "too_large", "64 are allowed",
                     "there are too many origins");
        return;
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        if (slice_eq(i->text, SLICE("*")) && !reader->snapshot->keys_required) {
            report_error(reader, i->place, "contradiction", "set keys.required: true",
                         "any web page that its user visits could spend your money");
        } else if (!slice_eq(i->text, SLICE("*")) && !is_origin(i->text)) {
            report_error(reader, i->place, "bad_value", "write https://app.example",
                         "this is no origin: a scheme, a host, perhaps a port, and no path");
        }
    }
}

/* --- prices and ledger --- */

static void resolve_cache(struct reader *reader)
{
    const struct yaml *exact = setting_node(setting_section(reader, "cache"), "cache.exact");
    reader->snapshot->cache = (struct cache_settings){
        .ttl_ms = setting_number(exact, "cache.exact.ttl"),
        .bytes = setting_number(exact, "cache.exact.bytes"),
        .entry_bytes = setting_number(exact, "cache.exact.entry_bytes"),
    };
}

static void resolve_ledger(struct reader *reader)
{
    const struct yaml *ledger = setting_section(reader, "ledger");
    const struct yaml *keys = setting_section(reader, "keys");
    struct snapshot *snapshot = reader->snapshot;
    snapshot->ledger_segment_bytes = setting_number(ledger, "ledger.segment_bytes");
    snapshot->ledger_retention_ms = setting_number(ledger, "ledger.retention");
    snapshot->ledger_sync_ms = setting_number(ledger, "ledger.sync");
    snapshot->ledger_allows_full = setting_number(ledger, "ledger.when_full") != 0;
    if (setting_number(ledger, "ledger.enabled") != 0) {
        snapshot->ledger_path = setting_path(reader, ledger, "ledger.path");
        return;
    }
    if (snapshot->keys_required) {
        report_error(reader, setting_node(keys, "keys.required")->key_place, "contradiction",
                     "set ledger.enabled: true",
                     "client keys live in the ledger, which is switched off");
    }
}

/* --- caps --- */

static bool is_zone_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || strchr("/_+-", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0 && name.len < 64;
}

/* The C library takes a name that it does not know for UTC, without a word. */
static bool is_zone(struct slice name)
{
    char path[128];
    if (slice_eq(name, SLICE("UTC"))) {
        return true;
    }
    int len = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", SLICE_ARG(name));
    struct stat info;
    return is_zone_name(name) && len > 0 && (size_t)len < sizeof(path) && stat(path, &info) == 0 &&
           S_ISREG(info.st_mode);
}

static void resolve_webhook(struct reader *reader, const struct yaml *caps)
{
    struct caps_settings *settings = &reader->snapshot->caps;
    const struct yaml *node = setting_node(caps, "caps.webhook");
    const struct yaml *token = setting_node(caps, "caps.webhook_token");
    struct error error;
    if (node == NULL) {
        if (token != NULL) {
            diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_effect", token->key_place,
                            "give caps.webhook, or remove it", "there is no webhook to send it to");
        }
        return;
    }
    settings->webhook = slice_trim(node->text);
    if (token != NULL) { /* what was read of secrets is wiped after this */
        settings->webhook_token = arena_copy(&reader->snapshot->arena, slice_trim(token->text));
    }
    if (!url_parse(settings->webhook, &settings->webhook_url, &error)) {
        report_error(reader, node->place, "bad_value", "write https://host/path", error.text);
    }
}

static void resolve_caps(struct reader *reader)
{
    const struct yaml *caps = setting_section(reader, "caps");
    const struct yaml *zone = setting_node(caps, "caps.time_zone");
    struct caps_settings *settings = &reader->snapshot->caps;
    settings->time_zone = zone == NULL ? SLICE("UTC") : slice_trim(zone->text);
    settings->output_tokens = setting_number(caps, "caps.output_tokens");
    if (zone != NULL && !is_zone(settings->time_zone)) {
        report_error(reader, zone->place, "bad_value",
                     "write a name such as Europe/Berlin; the package tzdata must be installed",
                     "this time zone is not known here");
    }
    resolve_webhook(reader, caps);
}

static void resolve_prices(struct reader *reader)
{
    const struct yaml *prices = setting_section(reader, "prices");
    const struct yaml *ceiling = setting_node(prices, "prices.ceiling");
    struct policy *policy = &reader->snapshot->policy;
    policy->unknown_price = (enum unknown_price)setting_number(prices, "prices.unknown");
    reader->snapshot->price_drift_permille = setting_number(prices, "prices.drift");
    policy->ceiling =
        (struct price_rates)PRICE_RATES(setting_number(ceiling, "prices.ceiling.input_per_mtok"),
                                        setting_number(ceiling, "prices.ceiling.output_per_mtok"));
    /* Its output is also that of audio and images that have no rate. */
    bool used = policy->unknown_price == UNKNOWN_PRICE_CEILING ||
                (policy->unknown_price == UNKNOWN_PRICE_DENY &&
                 setting_attempted(ceiling, "prices.ceiling.output_per_mtok"));
    if (ceiling != NULL && !used) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_effect", ceiling->key_place,
                        "set prices.unknown: ceiling", "the ceiling is not used");
    }
}

/* --- server --- */

static void resolve_limits(const struct yaml *server, struct server_settings *settings)
{
    settings->workers = (unsigned)setting_number(server, "server.workers");
    settings->head_bytes = setting_number(server, "server.head_bytes");
    settings->body_bytes = setting_number(server, "server.body_bytes");
    settings->connections = setting_number(server, "server.connections");
    settings->head_ms = setting_number(server, "server.head_timeout");
    settings->idle_ms = setting_number(server, "server.idle_timeout");
    settings->write_stall_ms = setting_number(server, "server.write_timeout");
    settings->abandoned_ms = setting_number(server, "server.abandoned_timeout");
    settings->drain_ms = setting_number(server, "server.drain_timeout");
}

void resolve_server(struct reader *reader)
{
    const struct yaml *server = setting_section(reader, "server");
    const struct yaml *log = setting_section(reader, "log");
    const struct yaml *keys = setting_section(reader, "keys");
    struct snapshot *snapshot = reader->snapshot;
    snapshot->server.listen_count =
        setting_list(reader, server, "server.listen", &snapshot->server.listen);
    resolve_limits(server, &snapshot->server);
    snapshot->log.format = (enum log_choice)setting_number(log, "log.format");
    snapshot->log.level = (int)setting_number(log, "log.level");
    snapshot->log.access = setting_number(log, "log.access") != 0;
    snapshot->keys_required = setting_number(keys, "keys.required") != 0;
    check_listen(reader, server);
    resolve_tls(reader, server);
    resolve_cors(reader, server);
    resolve_caps(reader);
    resolve_prices(reader);
    resolve_ledger(reader);
    resolve_cache(reader);
    check_admin(reader, setting_section(reader, "admin"));
}

/* --- classifier --- */

static void resolve_endpoint(struct reader *reader, const struct yaml *section)
{
    struct classifier_settings *settings = &reader->snapshot->classifier;
    const struct yaml *node = setting_node(section, "classifier.url");
    struct error error;
    if (!setting_attempted(section, "classifier.url")) {
        report_error(reader, section->key_place, "incomplete",
                     "give classifier.url: http://127.0.0.1:port/path",
                     "a classifier of kind endpoint needs a url");
    }
    if (node == NULL) {
        return;
    }
    settings->url = slice_trim(node->text);
    if (!url_parse(settings->url, &settings->endpoint, &error)) {
        report_error(reader, node->place, "bad_value", "write http://127.0.0.1:port/path",
                     error.text);
    } else if (!url_is_loopback(&settings->endpoint)) {
        report_error(reader, node->place, "bad_value",
                     "prompts must not leave this machine for it: use 127.0.0.1, [::1] or "
                     "localhost",
                     "the classifier endpoint must be on loopback");
    }
}

/* The classifier's requests are not signed. */
static void check_plain_credential(struct reader *reader, const struct yaml *node, uint16_t target)
{
    const struct snapshot *snapshot = reader->snapshot;
    if (target >= snapshot->policy.target_count) {
        return;
    }
    const struct provider *provider =
        &snapshot->providers[snapshot->policy.targets[target].provider];
    if (provider->auth == AUTH_AWS_SIGV4 || provider->auth == AUTH_GOOGLE_SERVICE_ACCOUNT) {
        report_error(reader, node->place, "bad_value", "take one whose provider has a key",
                     "the classifier cannot ask a target whose requests are signed");
    }
}

static void resolve_asked_target(struct reader *reader, const struct yaml *section)
{
    const struct yaml *node = setting_node(section, "classifier.target");
    if (!setting_attempted(section, "classifier.target")) {
        report_error(reader, section->key_place, "incomplete", "give classifier.target",
                     "a classifier of kind target needs a target");
    }
    if (node != NULL) {
        uint16_t target = setting_target(reader, node);
        reader->snapshot->classifier.target = target;
        check_plain_credential(reader, node, target);
    }
}

/* Which targets the weights know, by their own name or their model's. */
static void resolve_learned(struct reader *reader, const struct yaml *section)
{
    struct policy *policy = &reader->snapshot->policy;
    const char *pattern = "classifier.weights";
    const struct weights *weights = setting_weights(reader, section, pattern);
    unsigned known = 0;
    for (size_t i = 0; weights != NULL && i < policy->target_count; i++) {
        struct target *target = &policy->targets[i];
        uint32_t head = weights_find(weights, HEAD_MODEL, target->name);
        if (head == WEIGHTS_NO_HEAD) {
            head = weights_find(weights, HEAD_MODEL, target->model);
        }
        if (head != WEIGHTS_NO_HEAD) {
            target->learned = (uint8_t)(head + 1);
            known++;
        }
    }
    if (weights != NULL && known == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_effect",
                        setting_node(section, pattern)->place,
                        "train with the names of targets, or of their models",
                        "these weights know none of the targets");
    }
    reader->snapshot->classifier.weights = known == 0 ? NULL : weights;
    reader->snapshot->classifier.weights_path =
        known == 0 ? SLICE_EMPTY : setting_file(reader, section, pattern);
}

void resolve_classifier(struct reader *reader)
{
    enum { KIND_MODEL, KIND_RULES, KIND_TARGET, KIND_ENDPOINT };
    static const struct {
        const char *pattern;
        int64_t kind;
    } belongs[] = {{"classifier.target", KIND_TARGET}, {"classifier.url", KIND_ENDPOINT}};
    const struct yaml *section = setting_section(reader, "classifier");
    struct classifier_settings *settings = &reader->snapshot->classifier;
    int64_t kind = setting_number(section, "classifier.kind");
    settings->kind = kind == KIND_MODEL   ? CLASSIFIER_MODEL
                     : kind == KIND_RULES ? CLASSIFIER_RULES
                                          : CLASSIFIER_EXTERNAL;
    settings->target = NO_TARGET;
    settings->timeout_ms = setting_number(section, "classifier.timeout");
    resolve_learned(reader, section);
    if (kind == KIND_ENDPOINT) {
        resolve_endpoint(reader, section);
    } else if (kind == KIND_TARGET) {
        resolve_asked_target(reader, section);
    }
    for (size_t i = 0; i < ARRAY_LEN(belongs); i++) {
        const struct yaml *node = setting_node(section, belongs[i].pattern);
        if (node != NULL && kind != belongs[i].kind) {
            diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_effect", node->key_place,
                            "set classifier.kind, or remove it",
                            "%s is not used by a classifier of this kind", belongs[i].pattern);
        }
    }
}
