/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq, loaded when the first connection is made: a node that is alone needs neither it nor the
 * thirty libraries that it brings, which would be a quarter of an idle process. Of one name with
 * the functions of libpq-fe.h: pq.PQclear(result). Filled in once, by postgres_library_load(), and
 * only read afterwards; any thread.
 */
#ifndef SLUICE_STORE_POSTGRES_LIBRARY_H
#define SLUICE_STORE_POSTGRES_LIBRARY_H

#include "base/error.h"

#include <libpq-fe.h>

#define POSTGRES_FUNCTIONS(X)                                                                      \
    X(PQclear)                                                                                     \
    X(PQcmdStatus)                                                                                 \
    X(PQcmdTuples)                                                                                 \
    X(PQconnectPoll)                                                                               \
    X(PQconnectStartParams)                                                                        \
    X(PQconninfoFree)                                                                              \
    X(PQconninfoParse)                                                                             \
    X(PQconsumeInput)                                                                              \
    X(PQerrorMessage)                                                                              \
    X(PQfinish)                                                                                    \
    X(PQflush)                                                                                     \
    X(PQfreemem)                                                                                   \
    X(PQgetResult)                                                                                 \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQisBusy)                                                                                    \
    X(PQnotifies)                                                                                  \
    X(PQntuples)                                                                                   \
    X(PQputCopyData)                                                                               \
    X(PQputCopyEnd)                                                                                \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsendQuery)                                                                                 \
    X(PQsendQueryParams)                                                                           \
    X(PQsetNoticeReceiver)                                                                         \
    X(PQsetnonblocking)                                                                            \
    X(PQsocket)                                                                                    \
    X(PQstatus)                                                                                    \
    X(PQtransactionStatus)

struct postgres_library {
#define X(name) __typeof__(&name) name;
    POSTGRES_FUNCTIONS(X)
#undef X
};
extern struct postgres_library pq;

/* Errors: "no_libpq". Again: nothing happens. */
MUST_USE bool postgres_library_load(struct error *error);

#endif
