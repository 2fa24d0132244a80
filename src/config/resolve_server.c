/* SPDX-License-Identifier: Apache-2.0 */
/* Sections server, log, keys, prices, ledger, classifier. */
#include "config/reader.h"

#include <stdio.h>

static bool address_is_loopback(struct slice address)
{
    struct url url;
    char text[300];
    int len = snprintf(text, sizeof(text), "http://%.*s/", SLICE_ARG(address));
    return len > 0 && len < (int)sizeof(text) && url_parse(slice_of(text, (size_t)len), &url, NULL) &&
           url_is_loopback(&url);
}

static bool address_is_valid(struct slice address)
{
    struct url url;
    char text[300];
    if (slice_starts(address, SLICE("*:"))) {
        uint64_t port;
        return slice_to_u64(slice_from(address, 2), &port) && port <= UINT16_MAX;
    }
    size_t colon = SIZE_MAX;
    for (size_t i = 0; i < address.len; i++) {
        colon = address.ptr[i] == ':' ? i : colon;
    }
    uint64_t port;
    if (colon == SIZE_MAX || !slice_to_u64(slice_from(address, colon + 1), &port) || port > UINT16_MAX) {
        return false;
    }
    int len = snprintf(text, sizeof(text), "http://%.*s:1/", (int)colon, address.ptr);
    return len > 0 && len < (int)sizeof(text) && url_parse(slice_of(text, (size_t)len), &url, NULL);
}

static void check_listen(struct reader *reader, const struct yaml *server)
{
    const struct server_settings *settings = &reader->snapshot->server;
    const struct yaml *node = setting_node(server, "server.listen");
    struct yaml_place place = node == NULL ? (struct yaml_place){0, 0, 0} : node->place;
    for (size_t i = 0; i < settings->listen_count; i++) {
        struct slice address = settings->listen[i];
        if (!address_is_valid(address)) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place,
                            "write 127.0.0.1:4141, [::1]:4141 or *:4141", "\"%.*s\" is no address with a port",
                            SLICE_ARG(address));
        } else if (!address_is_loopback(address) && !reader->snapshot->keys_required) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "open_listener", place,
                            "set keys.required: true and make a key with sluice key create, or listen on 127.0.0.1",
                            "\"%.*s\" is reachable from other machines and no client key is required: anybody could "
                            "spend your money",
                            SLICE_ARG(address));
        }
    }
}

static void resolve_ledger(struct reader *reader)
{
    const struct yaml *ledger = yaml_member(reader->root, SLICE("ledger"));
    struct snapshot *snapshot = reader->snapshot;
    snapshot->ledger_segment_bytes = setting_number(ledger, "ledger.segment_bytes");
    snapshot->ledger_sync_ms = setting_number(ledger, "ledger.sync");
    if (setting_number(ledger, "ledger.enabled") == 0) {
        snapshot->ledger_path = SLICE_EMPTY;
        return;
    }
    struct slice path = setting_text(ledger, "ledger.path");
    struct slice file = slice_from_cstr(reader->options->file);
    size_t directory = file.len;
    while (directory > 0 && file.ptr[directory - 1] != '/') {
        directory--;
    }
    if (path.len > 0 && path.ptr[0] != '/' && directory > 0) {
        path = arena_printf(reader->arena, "%.*s%.*s", (int)directory, file.ptr, SLICE_ARG(path));
    }
    snapshot->ledger_path = arena_copy(reader->arena, path);
}

static void resolve_prices(struct reader *reader)
{
    const struct yaml *prices = yaml_member(reader->root, SLICE("prices"));
    const struct yaml *ceiling = setting_node(prices, "prices.ceiling");
    struct policy *policy = &reader->snapshot->policy;
    policy->unknown_price = (enum unknown_price)setting_number(prices, "prices.unknown");
    policy->ceiling = (struct price_rates){
        .input = setting_number(ceiling, "prices.ceiling.input_per_mtok"),
        .output = setting_number(ceiling, "prices.ceiling.output_per_mtok"),
        .cache_read = -1,
        .cache_write = -1,
        .cache_write_1h = -1,
        .audio_input = -1,
        .audio_output = -1,
    };
}

void resolve_server(struct reader *reader)
{
    const struct yaml *server = yaml_member(reader->root, SLICE("server"));
    const struct yaml *tls = setting_node(server, "server.tls");
    const struct yaml *log = yaml_member(reader->root, SLICE("log"));
    const struct yaml *keys = yaml_member(reader->root, SLICE("keys"));
    struct snapshot *snapshot = reader->snapshot;
    struct server_settings *settings = &snapshot->server;
    settings->listen_count = setting_list(reader, server, "server.listen", &settings->listen);
    settings->workers = (unsigned)setting_number(server, "server.workers");
    settings->head_bytes = setting_number(server, "server.head_bytes");
    settings->body_bytes = setting_number(server, "server.body_bytes");
    settings->connections = setting_number(server, "server.connections");
    settings->head_ms = setting_number(server, "server.head_timeout");
    settings->idle_ms = setting_number(server, "server.idle_timeout");
    settings->write_stall_ms = setting_number(server, "server.write_timeout");
    settings->drain_ms = setting_number(server, "server.drain_timeout");
    settings->tls_certificate = setting_text(tls, "server.tls.certificate");
    settings->tls_key = setting_text(tls, "server.tls.key");
    if ((settings->tls_certificate.len == 0) != (settings->tls_key.len == 0)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", tls->key_place,
                        "give certificate and key", "TLS needs both a certificate and a key");
    }
    snapshot->log.format = (enum log_choice)setting_number(log, "log.format");
    snapshot->log.level = (int)setting_number(log, "log.level");
    snapshot->log.access = setting_number(log, "log.access") != 0;
    snapshot->keys_required = setting_number(keys, "keys.required") != 0;
    check_listen(reader, server);
    resolve_prices(reader);
    resolve_ledger(reader);
    if (snapshot->keys_required && snapshot->ledger_path.len == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", keys->key_place,
                        "set ledger.enabled: true", "client keys live in the ledger, which is switched off");
    }
}

static void resolve_endpoint(struct reader *reader, const struct yaml *section)
{
    struct classifier_settings *settings = &reader->snapshot->classifier;
    struct error error;
    settings->url = setting_text(section, "classifier.url");
    const struct yaml *node = setting_node(section, "classifier.url");
    struct yaml_place place = node != NULL ? node->place : section->key_place;
    if (settings->url.len == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", place, "give classifier.url",
                        "a classifier of kind endpoint needs a url");
    } else if (!url_parse(settings->url, &settings->endpoint, &error)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place, "", "%s", error.text);
    } else if (!url_is_loopback(&settings->endpoint)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place, "prompts would leave this machine",
                        "the classifier endpoint must be on loopback");
    }
}

void resolve_classifier(struct reader *reader)
{
    enum { KIND_RULES, KIND_TARGET, KIND_ENDPOINT };
    const struct yaml *section = yaml_member(reader->root, SLICE("classifier"));
    struct classifier_settings *settings = &reader->snapshot->classifier;
    int64_t kind = setting_number(section, "classifier.kind");
    settings->kind = kind == KIND_RULES ? CLASSIFIER_RULES : CLASSIFIER_EXTERNAL;
    settings->target = NO_TARGET;
    settings->timeout_ms = setting_number(section, "classifier.timeout");
    if (kind == KIND_ENDPOINT) {
        resolve_endpoint(reader, section);
    }
    if (kind == KIND_TARGET) {
        const struct yaml *node = setting_node(section, "classifier.target");
        if (node == NULL) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", section->key_place,
                            "give classifier.target", "a classifier of kind target needs a target");
        } else {
            settings->target = setting_target(reader, node, node->text);
        }
    }
}
