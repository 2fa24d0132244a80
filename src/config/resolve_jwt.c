/* SPDX-License-Identifier: Apache-2.0 */
/* Section keys.jwt: whose tokens are taken in place of client keys. */
#include "config/reader.h"

#include <stdio.h>

/* --- the key set -------------------------------------------------------------------------------
 */

static bool read_file(struct slice path, struct buf *out)
{
    char name[1024];
    FILE *file =
        path.len < sizeof(name) ? fopen(slice_to_cstr(path, name, sizeof(name)), "rb") : NULL;
    char *room = buf_reserve(out, JWKS_BYTES_MAX + 1);
    if (file != NULL && room != NULL) {
        out->len = fread(room, 1, JWKS_BYTES_MAX + 1, file);
    }
    bool done = file != NULL && room != NULL && ferror(file) == 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    return done;
}

static void warn_skipped(struct reader *reader, const struct yaml *node)
{
    size_t count = 0;
    const struct jwks_skip *skips = jwks_skips(reader->snapshot->jwt.keys, &count);
    for (size_t i = 0; i < count; i++) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "jwks_key_skipped", node->place,
                        "tokens that it signed are refused; the other keys serve",
                        "the key with the kid \"%s\" is not used: %s", skips[i].id, skips[i].why);
    }
}

static void load_keys(struct reader *reader, const struct yaml *section)
{
    const struct yaml *node = setting_node(section, "keys.jwt.jwks_file");
    struct buf text = BUF_INIT(JWKS_BYTES_MAX + 1);
    struct error error;
    struct slice path = setting_path(reader, section, "keys.jwt.jwks_file");
    if (!read_file(path, &text)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "unreadable_file", node->place,
                        "the user that runs sluice must be able to read it", "cannot read %.*s",
                        (int)(path.len < 150 ? path.len : 150), path.ptr);
    } else {
        reader->snapshot->jwt.keys = jwks_read(buf_slice(&text), &error);
        if (reader->snapshot->jwt.keys == NULL) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", node->place,
                            "it is what the issuer publishes as jwks_uri", "%s", error.text);
        } else {
            warn_skipped(reader, node);
        }
    }
    buf_release(&text);
}

static void resolve_url(struct reader *reader, const struct yaml *section)
{
    struct jwt_settings *settings = &reader->snapshot->jwt;
    const struct yaml *node = setting_node(section, "keys.jwt.jwks_url");
    struct error error;
    settings->jwks_url = slice_trim(node->text);
    if (!url_parse(settings->jwks_url, &settings->url, &error)) {
        report_error(reader, node->place, "bad_value", "write https://host/path", error.text);
        return;
    }
    if (!settings->url.https && !url_is_loopback(&settings->url)) {
        report_error(reader, node->place, "bad_value", "write https://",
                     "whoever is in between could put keys of its own in");
    }
    if (!url_is_loopback(&settings->url)) {
        settings->proxy = resolve_proxy(reader, node->place, &settings->url);
    }
    settings->ca_file = setting_certificates(reader, section, "keys.jwt.ca_file");
    settings->refresh_ms = setting_number(section, "keys.jwt.jwks_refresh");
}

static void resolve_keys(struct reader *reader, const struct yaml *section)
{
    bool file = setting_attempted(section, "keys.jwt.jwks_file");
    bool url = setting_attempted(section, "keys.jwt.jwks_url");
    if (file == url) {
        report_error(reader, section->key_place, file ? "contradiction" : "incomplete",
                     "give keys.jwt.jwks_file or keys.jwt.jwks_url",
                     file ? "the issuer's keys come from a file or from a URL, not from both"
                          : "without the issuer's public keys no token can be verified");
        return;
    }
    if (setting_node(section, "keys.jwt.jwks_file") != NULL) {
        load_keys(reader, section);
    }
    if (setting_node(section, "keys.jwt.jwks_url") != NULL) {
        resolve_url(reader, section);
    }
}

/* --- what is expected of a token ---------------------------------------------------------------
 */

static unsigned resolve_algorithms(struct reader *reader, const struct yaml *section)
{
    const struct yaml *list = setting_node(section, "keys.jwt.algorithms");
    unsigned allowed = 0;
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        enum jwt_algorithm algorithm = JWT_ALGORITHMS;
        if (jwt_algorithm_named(i->text, &algorithm)) {
            allowed |= 1u << algorithm;
        } else {
            report_error(reader, i->place, "bad_value",
                         "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA",
                         "this is no signature with a public key that is known here");
        }
    }
    return list == NULL ? JWT_ALGORITHMS_ALL : allowed;
}

static void resolve_audience(struct reader *reader, const struct yaml *section,
                             struct jwt_rules *rules)
{
    const struct yaml *list = setting_node(section, "keys.jwt.audience");
    if (item_count(list) > JWT_AUDIENCES_MAX) {
        report_error(reader, list->key_place, "too_large", "16 are allowed",
                     "there are too many audiences");
        return;
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        rules->audiences[rules->audience_count++] = i->text;
    }
}

static void require(struct reader *reader, const struct yaml *section, const char *pattern,
                    struct slice value, const char *hint, const char *message)
{
    if (!setting_attempted(section, pattern)) {
        report_error(reader, section->key_place, "incomplete", hint, message);
    } else if (setting_node(section, pattern) != NULL && value.len == 0) {
        report_error(reader, setting_node(section, pattern)->place, "bad_value", hint, message);
    }
}

static void resolve_rules(struct reader *reader, const struct yaml *section)
{
    struct jwt_rules *rules = &reader->snapshot->jwt.rules;
    rules->issuer = setting_text(section, "keys.jwt.issuer");
    rules->algorithms = resolve_algorithms(reader, section);
    rules->leeway_s = setting_number(section, "keys.jwt.leeway") / 1000;
    rules->max_age_s = (setting_number(section, "keys.jwt.max_age") + 999) / 1000;
    resolve_audience(reader, section, rules);
    require(reader, section, "keys.jwt.issuer", rules->issuer, "give keys.jwt.issuer",
            "tokens are taken of one issuer, which must be named");
    require(reader, section, "keys.jwt.audience",
            rules->audience_count > 0 ? rules->audiences[0] : SLICE_EMPTY,
            "give keys.jwt.audience, e.g. sluice",
            "without it, tokens that were made for other programs would open this one");
}

static void resolve_claims(const struct yaml *section, struct jwt_claims *claims)
{
    const struct yaml *names = setting_node(section, "keys.jwt.claims");
    claims->user = setting_text(names, "keys.jwt.claims.user");
    claims->team = setting_text(names, "keys.jwt.claims.team");
    claims->organisation = setting_text(names, "keys.jwt.claims.organisation");
    claims->routes = setting_text(names, "keys.jwt.claims.routes");
    claims->models = setting_text(names, "keys.jwt.claims.models");
}

void resolve_jwt(struct reader *reader)
{
    const struct yaml *keys = setting_section(reader, "keys");
    const struct yaml *section = setting_node(keys, "keys.jwt");
    struct jwt_settings *settings = &reader->snapshot->jwt;
    if (section == NULL) {
        return;
    }
    settings->enabled = true;
    resolve_rules(reader, section);
    resolve_claims(section, &settings->claims);
    resolve_keys(reader, section);
    if (reader->snapshot->ledger_path.len == 0) {
        report_error(reader, section->key_place, "contradiction", "set ledger.enabled: true",
                     "what the subjects of tokens spend is kept in the ledger, which is switched "
                     "off");
    }
}
