/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Providers of AWS and Google: region, project and location, which make the address, and
 * credentials that are no plain keys. As with keys, the environment's go to the vendor's own
 * address only.
 */
#include "config/reader.h"

#include "config/paths.h"

#include <stdio.h>

#define PLACE_MAX 64u /* bytes of a region, project or location */
#define URL_MAX ((size_t)1024)

static struct slice environment_text(const struct reader *reader, const char *name)
{
    const struct config_environment *environment = reader->options->environment;
    return arena_copy(reader->arena,
                      slice_trim(slice_from_cstr(environment->get(environment, name))));
}

/* A copy: the tree's secrets are wiped after the loading. */
static struct slice file_text(struct reader *reader, const struct yaml *section,
                              const char *pattern)
{
    return arena_copy(reader->arena, slice_trim(setting_text(section, pattern)));
}

/* --- options of other presets --- */

static void refuse_option(struct reader *reader, const struct yaml *section, const char *pattern,
                          const char *hint)
{
    const struct yaml *node = setting_node(section, pattern);
    if (node != NULL) {
        report_error(reader, node->key_place, "contradiction", hint,
                     "this provider's preset has no use for it");
    }
}

static void refuse_foreign_options(struct reader *reader, const struct yaml *section,
                                   enum provider_auth auth)
{
    static const struct {
        const char *pattern;
        enum provider_auth auth;
    } options[] = {
        {"providers.*.access_key_id", AUTH_AWS_SIGV4},
        {"providers.*.secret_access_key", AUTH_AWS_SIGV4},
        {"providers.*.session_token", AUTH_AWS_SIGV4},
        {"providers.*.region", AUTH_AWS_SIGV4},
        {"providers.*.service_account", AUTH_GOOGLE_SERVICE_ACCOUNT},
        {"providers.*.project", AUTH_GOOGLE_SERVICE_ACCOUNT},
        {"providers.*.location", AUTH_GOOGLE_SERVICE_ACCOUNT},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (options[i].auth != auth) {
            refuse_option(reader, section, options[i].pattern,
                          options[i].auth == AUTH_AWS_SIGV4
                              ? "it is for providers of AWS"
                              : "it is for providers of Google Cloud");
        }
    }
}

/* --- credentials --- */

static bool takes_environment(const struct yaml *section)
{
    return !setting_attempted(section, "providers.*.base_url");
}

static bool is_visible(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

/* All three from the file, or all three from the environment: they belong together. */
static void resolve_aws(struct reader *reader, const struct yaml *section,
                        struct provider *provider)
{
    struct sigv4_credentials *aws = &provider->aws;
    if (setting_attempted(section, "providers.*.access_key_id") ||
        setting_attempted(section, "providers.*.secret_access_key")) {
        aws->access_key_id = file_text(reader, section, "providers.*.access_key_id");
        aws->secret_access_key = file_text(reader, section, "providers.*.secret_access_key");
        aws->session_token = file_text(reader, section, "providers.*.session_token");
    } else if (takes_environment(section)) {
        aws->access_key_id = environment_text(reader, "AWS_ACCESS_KEY_ID");
        aws->secret_access_key = environment_text(reader, "AWS_SECRET_ACCESS_KEY");
        aws->session_token = environment_text(reader, "AWS_SESSION_TOKEN");
    }
    if ((aws->access_key_id.len > 0) != (aws->secret_access_key.len > 0)) {
        report_error(reader, section->key_place, "incomplete", "they belong together",
                     "only one of access_key_id and secret_access_key is given");
    }
    if (!is_visible(aws->access_key_id) || !is_visible(aws->session_token)) {
        report_error(reader, section->key_place, "bad_value", "a line end may have come with it",
                     "access_key_id and session_token are visible ASCII characters");
    }
}

/* The whole file, in memory of its own that is wiped. */
static bool read_file(struct slice path, struct buf *out)
{
    char name[1024];
    FILE *file =
        path.len < sizeof name ? fopen(slice_to_cstr(path, name, sizeof name), "rb") : NULL;
    char *room = buf_reserve(out, SERVICE_ACCOUNT_FILE_MAX);
    if (file == NULL || room == NULL) {
        if (file != NULL) {
            (void)fclose(file);
        }
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0);
    out->len = fread(room, 1, SERVICE_ACCOUNT_FILE_MAX, file);
    bool ok = ferror(file) == 0;
    (void)fclose(file);
    return ok;
}

static void load_account(struct reader *reader, struct yaml_place place, struct slice path,
                         struct provider *provider)
{
    struct error error;
    struct buf text = BUF_INIT(SERVICE_ACCOUNT_FILE_MAX);
    error_clear(&error);
    if (!read_file(path, &text)) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "unreadable_file", place,
                        "the user that runs sluice must be able to read it",
                        "cannot read the service account %.*s",
                        (int)(path.len < 150 ? path.len : 150), path.ptr);
    } else if (!service_account_read(buf_slice(&text), reader->arena, &provider->account, &error)) {
        struct slice key = provider->account.key;
        if (key.len > 0) { /* the bytes are the arena's own copy; only the view of them is const */
            explicit_bzero((void *)(uintptr_t)key.ptr, key.len);
        }
        provider->account = (struct service_account){.email = SLICE_EMPTY};
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", place,
                        "create a key of type JSON for the service account", "%s", error.text);
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.cap);
    }
    buf_release(&text);
}

static void resolve_google(struct reader *reader, const struct yaml *section,
                           struct provider *provider)
{
    const struct yaml *node = setting_node(section, "providers.*.service_account");
    if (setting_attempted(section, "providers.*.service_account")) {
        if (node != NULL) {
            load_account(reader, node->place,
                         setting_path(reader, section, "providers.*.service_account"), provider);
        }
        return;
    }
    struct slice path = takes_environment(section)
                            ? environment_text(reader, "GOOGLE_APPLICATION_CREDENTIALS")
                            : SLICE_EMPTY;
    if (path.len > 0) {
        load_account(reader, section->key_place, path, provider);
    }
}

static void warn_without_credential(struct reader *reader, const struct yaml *section,
                                    const struct provider *provider)
{
    bool given = setting_attempted(section, "providers.*.api_key") ||
                 setting_attempted(section, "providers.*.headers");
    if (!given && provider->auth == AUTH_GOOGLE_SERVICE_ACCOUNT &&
        provider->account.email.len == 0 &&
        !setting_attempted(section, "providers.*.service_account")) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_credential", section->key_place,
                        "give service_account: FILE.json",
                        "%s wants a service account and none "
                        "is given",
                        provider->preset->title);
    }
}

/* What can stand in a query as it is. */
static void resolve_api_version(struct reader *reader, const struct yaml *section,
                                struct provider *provider)
{
    if ((provider->quirks & QUIRK_API_VERSION) == 0) {
        refuse_option(reader, section, "providers.*.api_version", "it is for Azure");
        return;
    }
    struct slice version = file_text(reader, section, "providers.*.api_version");
    for (size_t i = 0; i < version.len; i++) {
        char c = version.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!plain || version.len > PLACE_MAX) {
            report_error(reader, setting_node(section, "providers.*.api_version")->place,
                         "bad_value", "for example 2024-10-21", "this is no version of an API");
            return;
        }
    }
    provider->api_version = version;
}

void resolve_cloud(struct reader *reader, const struct yaml *section, struct provider *provider)
{
    resolve_api_version(reader, section, provider);
    refuse_foreign_options(reader, section, provider->auth);
    if (provider->auth == AUTH_AWS_SIGV4) {
        resolve_aws(reader, section, provider);
        provider->region = setting_given(section, "providers.*.region")
                               ? slice_trim(setting_text(section, "providers.*.region"))
                               : environment_text(reader, "AWS_REGION");
        if (provider->region.len == 0) {
            report_error(reader, section->key_place, "incomplete", "for example region: us-east-1",
                         "this provider needs a region");
        }
    } else if (provider->auth == AUTH_GOOGLE_SERVICE_ACCOUNT) {
        resolve_google(reader, section, provider);
        warn_without_credential(reader, section, provider);
    }
}

/* --- the address --- */

/* What can stand in a host's name and in a path; a project may have a domain before a colon. */
static bool is_place(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '.' && c != ':') {
            return false;
        }
    }
    return text.len > 0 && text.len <= PLACE_MAX;
}

static struct slice setting_or(struct reader *reader, const struct yaml *section,
                               const char *pattern, const char *variable, struct slice fallback)
{
    struct slice text = setting_attempted(section, pattern)
                            ? slice_trim(setting_text(section, pattern))
                            : environment_text(reader, variable);
    return text.len > 0 ? text : fallback;
}

struct places {
    struct slice region;
    struct slice project;
    struct slice location;
};

static bool append_place(const struct places *places, struct slice name, struct buf *out)
{
    bool prefix = slice_eq(name, SLICE("location-"));
    struct slice value = slice_eq(name, SLICE("region"))    ? places->region
                         : slice_eq(name, SLICE("project")) ? places->project
                                                            : places->location;
    if (!is_place(value)) {
        return false;
    }
    if (!prefix) {
        return buf_append(out, value);
    }
    return slice_eq(value, SLICE("global")) ||
           (buf_append(out, value) && buf_append_char(out, '-'));
}

static void report_place(struct reader *reader, const struct yaml *section, struct slice name)
{
    if (slice_eq(name, SLICE("project"))) {
        report_error(reader, section->key_place, "incomplete", "give project: NAME",
                     "this provider needs a project, in small letters, digits and dashes");
    } else if (!slice_eq(name, SLICE("region")) || setting_given(section, "providers.*.region")) {
        report_error(reader, section->key_place, "bad_value", "for example us-east-1 or global",
                     "a region or location is written in small letters, digits and dashes");
    }
}

struct slice resolve_cloud_url(struct reader *reader, const struct yaml *section,
                               const struct provider *provider)
{
    struct slice rest = slice_from_cstr(provider->preset->base_url_template);
    struct buf out = BUF_INIT(URL_MAX);
    const struct places places = {
        .region = provider->region,
        .project = setting_or(reader, section, "providers.*.project", "GOOGLE_CLOUD_PROJECT",
                              provider->account.project),
        .location = setting_or(reader, section, "providers.*.location", "GOOGLE_CLOUD_LOCATION",
                               SLICE("global")),
    };
    while (rest.len > 0) {
        buf_append(&out, slice_cut(&rest, '{'));
        if (rest.len == 0) {
            break;
        }
        struct slice name = slice_cut(&rest, '}');
        if (!append_place(&places, name, &out)) {
            report_place(reader, section, name);
            buf_release(&out);
            return SLICE_EMPTY;
        }
    }
    struct slice url = arena_copy(reader->arena, buf_slice(&out));
    buf_release(&out);
    return url;
}
