/* SPDX-License-Identifier: Apache-2.0 */
/* Which format an Accept header asks for (RFC 9110, 12.5.1).
 *
 * The header is a list of ranges with parameters and a weight q. A format is worth the q of the most exact range that names it: its type with its
 * own parameters, before its type alone, before its family of types, before any type at all. The format that is worth most is answered; among equals the one
 * that stands first in the header, and of those that one range offers together the text. What nobody can read is not offered: a range with
 * parameters that none of the formats has names none.
 *
 *     Prometheus 2.42                       application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,
 *                                           text/plain;version=0.0.4;q=0.5, and anything at 0.1                            OpenMetrics
 *     with --enable-feature=native-histograms  application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,…
 *                                                                                                                          protobuf
 *     curl, a browser                       anything, text/html,…                                                          text 0.0.4
 *
 * OpenMetrics 0.0.1 was a draft that 1.0.0 is no answer to: whoever accepts only that gets the text. Nothing acceptable, and no header, is the text too:
 * a scraper without a header is older than all of this, and a person with a wrong one is helped more by a page than by a status 406.
 *
 * Pure: no allocation, one pass, whatever the header holds. */
#ifndef AGENT_NEGOTIATE_H
#define AGENT_NEGOTIATE_H

#include "exposition.h"

/* accept may be NULL. */
enum exposition_format negotiate_format(const char *accept);

/* The value of the answer's Content-Type. */
const char *negotiate_content_type(enum exposition_format format);

/* The value of its Vary header: what the answer depended on. */
#define NEGOTIATE_VARY "Accept, Accept-Encoding"

#endif
