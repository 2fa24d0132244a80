/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Providers as data: a vendor or server is a row: base URL, dialects, how it authenticates, quirks,
 * the environment variable of its key, and three curated targets. Adding a vendor that speaks a
 * known dialect is one row in presets.c.
 */
#ifndef SLUICE_PROVIDER_PROVIDER_H
#define SLUICE_PROVIDER_PROVIDER_H

#include "base/slice.h"
#include "model/capability.h"
#include "model/dialect_list.h"
#include "model/task.h"

/* The dialects that a provider may speak: the same numbers as enum dialect_id, which this layer
   does not see. */
#define PROVIDER_DIALECT(symbol, row) PROVIDER_DIALECT_##symbol,
enum provider_dialect { DIALECT_LIST(PROVIDER_DIALECT) };
#undef PROVIDER_DIALECT

#define PROVIDER_SPEAKS(symbol, row) PROVIDER_SPEAKS_##symbol = 1u << PROVIDER_DIALECT_##symbol,
enum { DIALECT_LIST(PROVIDER_SPEAKS) };
#undef PROVIDER_SPEAKS

enum provider_auth {
    AUTH_NONE,
    AUTH_BEARER,
    AUTH_API_KEY_HEADER,
    AUTH_AWS_SIGV4,             /* every request is signed (sigv4.h); an api_key goes as a bearer */
    AUTH_GOOGLE_SERVICE_ACCOUNT /* tokens for an assertion (service_account.h); an api_key goes as
                                   a bearer */
};

enum {
    QUIRK_MAX_COMPLETION_TOKENS = 1u << 0, /* wants max_completion_tokens instead of max_tokens */
    QUIRK_NO_STREAM_OPTIONS =
        1u << 1,           /* refuses or ignores stream_options; reports usage anyway or never */
    QUIRK_LOCAL = 1u << 2, /* runs on this machine or in this network: models cost nothing */
    QUIRK_ROUTING_FIELDS = 1u << 4,   /* knows OpenRouter's `provider` and `session_id` members */
    QUIRK_REPLAY_REASONING = 1u << 5, /* wants reasoning_content back in turns with calls */
    QUIRK_CACHE_MARKS = 1u << 6,      /* knows Anthropic's `cache_control` in parts and tools */
    QUIRK_REASONING_DETAILS =
        1u << 7,                  /* knows OpenRouter's `reasoning_details` and wants them back */
    QUIRK_API_VERSION = 1u << 8,  /* an older API of it has the model in the path and its own
                                     version in the query */
    QUIRK_CUTS_PROMPTS = 1u << 9, /* answers to the end of a prompt that its window does not hold,
                                     and says nothing; the request may ask for a larger window */
    QUIRK_REPORTS_COST = 1u << 3, /* usage.cost in dollars wins over the catalogue */
};

/* What a local server of one's own is asked beside its list of models (cli/probe.h). */
enum provider_facts {
    FACTS_OF_LIST,        /* nothing: the list has what it tells */
    FACTS_OLLAMA_SHOW,    /* POST /api/show for each model */
    FACTS_LLAMACPP_PROPS, /* GET /props: the window of the one model that runs */
};

struct curated_target {
    const char *model; /* the provider's name for it */
    enum tier tier;
    capability_set capabilities;
    int64_t context_tokens;
    int64_t latency_ms; /* configured figure until there is data: time to the first token */
};

struct provider_preset {
    const char *name;              /* "openai": also the default name of the provider */
    const char *title;             /* "OpenAI" */
    const char *base_url;          /* without trailing slash; NULL: must be given */
    const char *base_url_template; /* where base_url is NULL: with {region}, {project}, {location}
                                      and {location-} (nothing for "global", else with its dash) */
    const char *key_env;           /* environment variable that carries the key, or NULL */
    const char *base_url_env;      /* environment variable that replaces base_url, or NULL */
    const char *catalogue;         /* the price catalogue's id of this provider, or NULL */
    unsigned dialects; /* DIALECT_BIT()s that it speaks; the first match with the client's wins */
    unsigned default_dialect; /* enum dialect_id for translation */
    enum provider_auth auth;  /* used when there is a key; servers of one's own often want none */
    const char *auth_header;  /* of AUTH_API_KEY_HEADER */
    const char *aws_service;  /* of AUTH_AWS_SIGV4: the name that is signed */
    unsigned quirks;
    capability_set capabilities; /* of models that the catalogue does not describe */
    struct curated_target
        curated[3];      /* ascending tiers; model NULL: no more (local servers list their own) */
    unsigned probe_port; /* loopback discovery, 0: none */
    const char *probe_path; /* e.g. "/api/tags" */
    enum provider_facts facts;
};

extern const struct provider_preset provider_presets[];
extern const size_t provider_preset_count;
/* NULL: no preset has this name. */
const struct provider_preset *provider_preset_find(struct slice name);

#endif
