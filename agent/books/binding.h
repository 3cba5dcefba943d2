/* SPDX-License-Identifier: Apache-2.0 */
/* Which book a primitive's id is booked under, what the book knows of its lists and bounds, and where its figures stand.
 *
 * A book is found by name and type. Its figures are published in the place of the first id bound to it, so that a
 * process that knows its id finds them; other ids of the same name are redirected there. A book whose name nobody
 * registered in this ring segment yet (the segment was re-made) stands in a place that no id has, and moves when it is
 * bound. */
#ifndef AGENT_BINDING_H
#define AGENT_BINDING_H

#include "books.h"

/* Private memory from the durable words: chains and places of all books. */
void binding_take_up(struct books *books);

/* The book of a primitive's id; binds the id at the first call. BOOK_NONE: no such primitive is registered, or no page can be
 * had for it now. A unit of work has room for it. */
__attribute__((warn_unused_result)) uint32_t binding_find(struct books *books, uint32_t id, uint64_t now_ns);

/* A bound id's lists may have grown: take over what is new. Cheap when nothing did. */
void binding_update(struct books *books, uint32_t id, uint64_t now_ns);

/* The book's category of this name, which is added when there is room; 0, "default", when there is none, or it is called so. */
uint8_t binding_category(struct books *books, uint32_t index, const char name[32]);

/* Bind what was registered, take over lists that grew: where there are news, or, once in a while, everywhere (who was killed
 * before it could tell). Commits, and tells. */
void binding_refresh(struct books *books, bool all, uint64_t now_ns);

/* Books that nobody registered in this ring segment yet get the bounds and objectives that the options want, as others do when they are
 * bound: once after the start. Commits. */
void binding_take_up_unregistered(struct books *books, uint64_t now_ns);

/* Other options came into force: the same for every book, bound or not; its figures are published anew, its alerts judged anew. `breathe` is
 * called between some dozens of books. Commits, and tells. */
void binding_take_up_options(struct books *books, uint64_t now_ns, void (*breathe)(void *context),
                             void *context);

/* Raise the bounds epoch if anything was announced since the last time. */
void binding_tell(struct books *books);

/* Read a text of `bytes` bytes (a multiple of 8) that begins at a durable word; write one, zero to its end, in the batch. */
void binding_read_text(const struct books *books, uint32_t word, char *out_text, uint32_t bytes);
void binding_write_text(struct books *books, uint32_t word, const char *text, uint32_t bytes);

#endif
