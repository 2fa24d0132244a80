/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS does with a request's signature (AWS Signature Version 4, in headers): reckons it anew
 * from what arrived. Written apart from the signer of the gateway (provider/sigv4.h), which this
 * layer does not see, so that one of them proves the other. There is one account, whose secret
 * everybody may know.
 */
#ifndef SLUICE_SIM_SIGV4_H
#define SLUICE_SIM_SIGV4_H

#include "base/error.h"
#include "sim/request.h"

/* The secret is that of both keys; the second one is temporary and needs the session's token. */
#define SIM_AWS_ACCESS_KEY_ID "AKIAIOSFODNN7EXAMPLE"
#define SIM_AWS_TEMPORARY_KEY_ID "ASIAIOSFODNN7EXAMPLE"
#define SIM_AWS_SECRET_ACCESS_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SIM_AWS_SESSION_TOKEN "IQoJb3JpZ2luX2VjEXAMPLE/token+of//a/session=="

/* Is the request signed for `service`, by one of the keys, within five minutes of `now_s` (unix
   seconds)? False: *error, whose code is the name of AWS's exception. Any region is taken. */
MUST_USE bool sim_sigv4_check(const struct sim_request *request, struct slice body,
                              struct slice service, int64_t now_s, struct error *error);

#endif
