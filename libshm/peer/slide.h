/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing a primitive again when nothing changed but the time: windows that do not cover all of their length yet cover more, and rates go by
 * what they cover. That is a few words of the three pages that its figures are, worked out from what is published.
 *
 *   G1  What slides is what publishing anew would say, word for word, given that the caller knows that no count, and nothing that a window is made
 *       of, changed since: then a span is what it was and the time that went by, up to the window's length.
 *   G2  Figures, native histogram and objectives that said the same moment say the same one again. What said another one (no page, then)
 *       stays as it is.
 *   G3  Only what this agent published is slid: published_ns tells. A page that was punched meanwhile is published anew.
 *
 * Readers see it as any publishing (protocol/publish.h). Progress: wait-free. */
#ifndef SR_PEER_SLIDE_H
#define SR_PEER_SLIDE_H

#include "peer/books.h"

/* Place id, which was published at last_ns, as of now_ns. is_alike: by this call. *out_growing_ns is the shortest window that does not cover all of its
 * length now; 0: none. False: there stands something else. No span of it was 0 at last_ns: nobody knows what becomes of that. */
SR_MUST_CHECK bool sr_books_slide(struct sr_books *books, uint32_t id, uint64_t last_ns, uint64_t now_ns,
                                  bool is_alike, uint64_t *out_growing_ns);

#endif
