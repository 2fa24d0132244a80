/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to Redis (hiredis, RESP2) that may be lost at any time: every step has a deadline,
 * what fails is given up, and the next try waits longer each time, up to a bound. Belongs to one
 * thread, which it may hold for as long as the deadline; another thread frees it by making
 * `stop_fd` readable. A name is looked up by the C library, for as long as resolv.conf says.
 * Answers have ceilings: REDIS_ANSWER_MAX bytes, REDIS_ELEMENTS_MAX elements of a list. Errors and
 * logs name host and port, never the user, the password or what a command said.
 *
 * The calling process ignores SIGPIPE.
 */
#ifndef SLUICE_STORE_REDIS_H
#define SLUICE_STORE_REDIS_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

#include <hiredis/hiredis.h>

#define REDIS_ANSWER_MAX (4u << 20)
#define REDIS_ELEMENTS_MAX 65536
#define REDIS_CHANNELS_MAX 4

struct redis;

struct redis_options {
    struct slice host; /* a name or address, or the path of a unix socket ("/...") */
    uint16_t port;
    uint16_t database;
    struct slice user; /* or empty */
    struct slice password;
    int64_t deadline_ms;  /* of connecting with its greeting, and of each answer */
    int64_t retry_ms;     /* the first pause after a failure; it doubles */
    int64_t retry_max_ms; /* up to this, each with up to a quarter more by chance */
    int stop_fd;          /* readable: everything ends at once; -1: there is none */
};

/* Copies the options. NULL: out of memory. */
MUST_USE struct redis *redis_new(const struct redis_options *options);
/* NULL-safe. The password's memory is wiped. */
void redis_free(struct redis *redis);

/*
 * True when connected, after a try where one is due: greeted (AUTH, SELECT), subscribed to its
 * channels. Else "redis_away" (cannot be reached, or the pause is not over: the error is that of
 * the last try), "redis_refused" (it does not take our login or database), "stopped".
 */
MUST_USE bool redis_connect(struct redis *redis, struct error *error);
bool redis_is_connected(const struct redis *redis);
/* Until a try is due; 0: now, or it is connected. */
int64_t redis_retry_in_ms(const struct redis *redis);
/* Counts up with each connection that was made; never 0 after the first. */
uint64_t redis_connections(const struct redis *redis);
/* To wait on for reading; -1: it is not connected. */
int redis_fd(const struct redis *redis);
/* Gives the connection up: the other end has said what makes no sense. */
void redis_drop(struct redis *redis, const char *why);

/* One command and its answer, which the caller frees with freeReplyObject(); an error as an answer
 * is "redis_error" with its first word, and the connection stays. NULL: *error. Not on a connection
 * with channels. Connects first where it must. */
MUST_USE struct redisReply *redis_ask(struct redis *redis, const struct slice *words, size_t count,
                                      struct error *error);
/* Several commands in one write, answered within one deadline. replies[i] is the answer of
 * commands[i], an error as an answer too; NULL: it has none, for the connection was lost. */
struct redis_words {
    const struct slice *words;
    size_t count;
};
void redis_ask_many(struct redis *redis, const struct redis_words *commands, size_t count,
                    struct redisReply **replies);
/* redis_ask() with a script: words[0..2] are made here (EVALSHA, digest, number of keys), words[3]
 * on are the keys and arguments. The server keeps the text after the first time. */
struct redis_script {
    struct slice text;
    char digest[41]; /* empty at first; its owner's thread's */
};
MUST_USE struct redisReply *redis_run(struct redis *redis, struct redis_script *script,
                                      struct slice *words, size_t count, size_t keys,
                                      struct error *error);

/* The channels of a connection that only listens; before the first connect. The texts outlive it.
 */
void redis_listen_to(struct redis *redis, const struct slice *channels, size_t count);
struct redis_message {
    struct slice channel;
    struct slice text;
    struct redisReply *reply; /* holds both; free it with freeReplyObject() */
};
/* The next message that has come; does not wait. False: none, or the connection is lost. */
MUST_USE bool redis_next(struct redis *redis, struct redis_message *ret_message);
/* From time to time, of one that listens: asks for a sign of life after a deadline of silence,
 * gives up after two. */
void redis_tend(struct redis *redis);

/* Helpers for answers of unknown shape: 0 or empty where it is something else. */
int64_t redis_integer(const struct redisReply *reply);
struct slice redis_text(const struct redisReply *reply);
size_t redis_count(const struct redisReply *reply);
const struct redisReply *redis_at(const struct redisReply *reply, size_t index);

#endif
