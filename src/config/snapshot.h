/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot: the configuration and the catalogue as resolved, immutable, reference-counted. A call
 * pins one from start to end; a reload builds a new one and swaps the pointer. Everything in it
 * lives in its arena. Secrets in it (provider headers and proxies) are wiped when the last
 * reference goes.
 */
#ifndef SLUICE_CONFIG_SNAPSHOT_H
#define SLUICE_CONFIG_SNAPSHOT_H

#include "base/arena.h"
#include "codec/jwt.h"
#include "codec/url.h"
#include "provider/provider.h"
#include "provider/service_account.h"
#include "provider/sigv4.h"
#include "route/policy.h"

#include <stdatomic.h>

struct provider_timeouts { /* ms */
    int64_t connect;
    int64_t first_byte;
    int64_t idle;
    int64_t total;
};

struct provider {
    struct slice name;
    const struct provider_preset *preset;
    struct slice base_url; /* as written, without trailing slash */
    struct url url;        /* of base_url */
    struct slice headers;  /* rendered "Name: value\r\n" lines, the credential among them; secret;
                              bound to the origin of url */
    bool has_credential;
    struct slice ca_file;
    struct slice proxy; /* URL or empty: direct (proxy variables of the environment already applied,
                           NO_PROXY too) */
    bool insecure;      /* insecure_skip_verify */
    enum provider_auth auth;      /* the preset's, or what the credential that was given asks for */
    struct sigv4_credentials aws; /* of AUTH_AWS_SIGV4; secret */
    struct slice region;
    struct slice api_version; /* of QUIRK_API_VERSION, or empty */
    struct service_account
        account; /* of AUTH_GOOGLE_SERVICE_ACCOUNT; without email: none; secret */
    unsigned dialects;
    unsigned default_dialect;
    unsigned quirks;
    struct provider_timeouts timeouts;
};

struct server_settings {
    struct slice *listen; /* "127.0.0.1:4141" ... */
    size_t listen_count;
    struct slice *admin_listen; /* for administrators' keys */
    size_t admin_listen_count;
    struct slice *cors_origins;
    size_t cors_origin_count;
    int64_t cors_max_age_ms;
    unsigned workers;                            /* 0: one per core */
    int64_t head_bytes, body_bytes, connections; /* ceilings */
    int64_t head_ms, idle_ms, write_stall_ms, drain_ms, abandoned_ms;
    struct slice tls_certificate; /* file names, empty: plain */
    struct slice tls_key;
};

enum log_choice { LOG_CHOICE_AUTO, LOG_CHOICE_JSON, LOG_CHOICE_TEXT };
struct log_settings {
    enum log_choice format;
    int level;   /* enum log_level */
    bool access; /* one line per call */
};

/* The operator's own classifier: a target asked with a fixed prompt, or a loopback HTTP endpoint;
 * falls back to the text model. */
struct classifier_settings {
    enum task_classifier kind;
    /* POST {"text": ...} -> {"task": ..., "complexity": 0..1}; loopback only; or empty */
    struct slice url;
    struct url endpoint;
    uint16_t target; /* or NO_TARGET */
    int64_t timeout_ms;
    const struct weights *weights; /* how targets did; NULL: nobody knows */
    struct slice weights_path;     /* of them */
};

/* What goes with the limits of client keys; the limits themselves are in the ledger. */
struct caps_settings {
    struct slice time_zone; /* of days, weeks and months: "Europe/Berlin" */
    struct slice webhook;   /* URL that is told of alerts; empty: none */
    struct url webhook_url;
    struct slice webhook_token; /* secret, or empty */
    int64_t output_tokens; /* ceiling for calls under a cap that name none; 0: the model's limit */
};

/* Several nodes; postgres empty: this one is alone. */
struct redis_address {
    struct slice host; /* without brackets; empty: there is none */
    struct slice user; /* or empty */
    struct slice password;
    uint16_t port;
    uint16_t database;
};
struct cluster_settings {
    struct slice node;
    struct slice postgres;      /* secret: what libpq connects with */
    struct slice redis_url;     /* secret */
    struct redis_address redis; /* borrows from redis_url */
    bool allows_away;           /* limits may be exceeded while the authority cannot be reached */
    int64_t lease_wait_ms;
};

/* Which claim says what; empty: none does. */
struct jwt_claims {
    struct slice user;
    struct slice team;
    struct slice organisation;
    struct slice routes;
    struct slice models;
};

/* Tokens of an identity provider in place of keys. */
struct jwt_settings {
    bool enabled;
    struct jwt_rules rules;
    struct jwt_claims claims;
    struct jwks *keys;     /* of jwks_file, its own reference; NULL: */
    struct slice jwks_url; /* where they are */
    struct url url;        /* the same */
    struct slice ca_file;
    struct slice proxy; /* URL or empty */
    int64_t refresh_ms;
};

/* Answers that are given again; ttl_ms 0: none. */
struct cache_settings {
    int64_t ttl_ms;
    int64_t bytes;
    int64_t entry_bytes;
};

/* What was learned, read from a file. */
struct weights_file {
    struct slice path;
    struct weights *weights; /* in the arena; what it holds is released with the snapshot */
    struct weights_file *next;
};

struct snapshot {
    atomic_uint references;
    struct arena arena;
    uint64_t generation; /* 1, 2 ... : counts reloads */
    int64_t loaded_wall_ns;
    int64_t prices_until_s; /* unix seconds at which the first price of a target may change;
                               INT64_MAX: never */
    struct slice source;    /* file name, or "discovery", "demo" */
    struct server_settings server;
    struct log_settings log;
    struct provider *providers;
    size_t provider_count;
    bool targets_given;   /* by a section of the file; else they are found out */
    size_t named_targets; /* the first ones of policy.targets; those behind are addressable only */
    struct policy policy; /* targets and routes; target->health is filled in by the gateway before
                             publication */
    struct weights_file *weights_files; /* each file once */
    struct classifier_settings classifier;
    struct caps_settings caps;
    struct cluster_settings cluster;
    int64_t price_drift_permille; /* beyond it is warned of */
    bool keys_required;
    struct jwt_settings jwt;
    bool simulated; /* the demo fleet answers: every answer says so */
    struct cache_settings cache;
    struct slice ledger_path; /* empty: no ledger (off) */
    int64_t ledger_segment_bytes, ledger_sync_ms;
    int64_t ledger_retention_ms; /* 0: calls are kept for ever */
    bool ledger_allows_full;     /* calls go on although the journal is full */
    void *runtime;               /* the gateway's: origins ready to connect */
    void (*runtime_free)(void *runtime);
};

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* NULL-safe */

#endif
