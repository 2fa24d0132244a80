/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LiteLLM's proxy configuration -> ours. Deployments become targets, grouped into providers by what
 * reaches them; model groups, their fallbacks and aliases become routes. The rule: every key of the
 * file is honoured or stands in the notes with its line. A node of the tree that was looked at is
 * marked (`broken`, which nobody else needs here); what is left unmarked at the end is listed.
 * Secrets are never copied: os.environ/NAME becomes ${NAME}, a literal one a variable to be set.
 * The format: BerriAI/litellm, docs/my-website/docs/proxy/config_settings.md. One thread.
 */
#ifndef SLUICE_CLI_LITELLM_H
#define SLUICE_CLI_LITELLM_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/yaml.h"

#define LITELLM_PROVIDERS_MAX 200
#define LITELLM_DEPLOYMENTS_MAX 1000
#define LITELLM_GROUPS_MAX 500
#define LITELLM_MEMBERS_MAX 64 /* targets of a route */
#define LITELLM_NOTES_MAX 2000
#define LITELLM_VARIABLES_MAX 400

/* A line of the file that is not, or not just so, in the result. */
struct litellm_note {
    unsigned line;
    struct slice key;  /* "router_settings.cooldown_time" */
    struct slice text; /* what became of it; no value of the file stands in it */
};

/* A variable that somebody has to set, because the file had its value in the clear. */
struct litellm_variable {
    struct slice name;
    struct slice value; /* of the file: compared, never written */
    unsigned line;
};

/* What a deployment's parameters say of where it is; those that are the same share a provider. */
enum litellm_place {
    PLACE_API_BASE,
    PLACE_API_KEY,
    PLACE_API_VERSION,
    PLACE_ORGANIZATION,
    PLACE_HEADERS,
    PLACE_AWS_ID,
    PLACE_AWS_SECRET,
    PLACE_AWS_TOKEN,
    PLACE_AWS_REGION,
    PLACE_PROJECT,
    PLACE_LOCATION,
    PLACE_CREDENTIALS,
    PLACE_TIMEOUT,
    PLACE_STREAM_TIMEOUT,
    PLACES
};

struct litellm_provider {
    struct slice name;
    struct slice vendor; /* LiteLLM's word for it */
    const char *preset;
    const char *base_url; /* of vendors that are no preset; NULL: the preset's */
    const char *key_env;  /* of those: where LiteLLM looks for the key */
    struct yaml *places[PLACES];
};

struct litellm_deployment {
    struct slice name; /* of the target */
    struct slice model;
    size_t provider;
    size_t group;
    double weight; /* 0: the file gives none */
    struct yaml *info;
    struct yaml *params;
};

struct litellm_group {
    struct slice name;
    unsigned line;
    bool alias; /* has no deployments of its own: those of `of` */
    size_t of;
    size_t fallbacks[LITELLM_MEMBERS_MAX]; /* groups, in their order */
    size_t fallback_count;
};

struct litellm {
    struct arena arena;
    struct yaml *root;
    struct litellm_note *notes;
    size_t note_count;
    size_t notes_lost;
    struct litellm_variable variables[LITELLM_VARIABLES_MAX];
    size_t variable_count;
    struct litellm_provider *providers;
    size_t provider_count;
    struct litellm_deployment *deployments;
    size_t deployment_count;
    struct litellm_group *groups;
    size_t group_count;
    bool allow_unpriced; /* some target has no price: as LiteLLM does, it is asked all the same */
};

/* --- litellm.c --- */

/* The tree becomes the import's: notes, and what to write. */
void litellm_read(struct litellm *import);
/* The configuration as YAML; notes stand in it as comments. */
void litellm_write(struct litellm *import, const char *file, struct buf *out);

/* --- for the parts --- */

/* What became of this node, and of what is below it. */
void litellm_note(struct litellm *import, struct yaml *node, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The member, marked as looked at; NULL: there is none, or it is null. */
struct yaml *litellm_take(struct yaml *mapping, const char *key);
/* A number of the file; false: it is none. */
MUST_USE bool litellm_number(const struct yaml *node, double *ret_value);
bool litellm_true(const struct yaml *node);
/* A scalar of the file as one of ours, in quotes where it needs them; os.environ/NAME as ${NAME}.
 */
struct slice litellm_text(struct litellm *import, struct slice text);
bool litellm_is_reference(struct slice text);
/* The same of a secret: a literal one is never written, its variable stands for it. */
struct slice litellm_secret(struct litellm *import, struct slice text, unsigned line,
                            struct slice owner, const char *what);
/* With a number behind it where `taken` says that there is one. */
struct slice litellm_unique(struct litellm *import, struct slice wanted,
                            bool (*taken)(const struct litellm *import, struct slice name));
/* What a name may not have becomes '-'. */
struct slice litellm_name(struct litellm *import, struct slice text);

/* --- litellm_models.c: model_list, providers and targets --- */
void litellm_read_models(struct litellm *import);
void litellm_write_models(struct litellm *import, struct buf *out);

/* --- litellm_routes.c: groups, fallbacks, aliases and routes --- */
void litellm_read_routes(struct litellm *import);
void litellm_write_routes(struct litellm *import, struct buf *out);
/* LITELLM_GROUPS_MAX: there is none of this name. */
size_t litellm_group_find(const struct litellm *import, struct slice name);

#endif
