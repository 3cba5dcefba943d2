/* SPDX-License-Identifier: Apache-2.0 */
/* Ids to books, lists, bounds, places: see binding.h. */
#include "binding.h"

#include <string.h>

#include "agent/log.h"
#include "exemplars.h"
#include "objectives.h"
#include "pure/name.h"

#define BREATH 32u /* books between two breaths of binding_take_up_options() */

/* --- texts in words ----------------------------------------------------------------------------------------------------- */

void binding_read_text(const struct books *books, uint32_t word, char *out_text, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes / 8; i++) {
        const uint64_t value = sr_batch_get(&books->durable->batch, word + i);
        memcpy(out_text + (size_t)8 * i, &value, sizeof value);
    }
    out_text[bytes - 1] = '\0';
}

void binding_write_text(struct books *books, uint32_t word, const char *text, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes / 8; i++) {
        uint64_t value;
        memcpy(&value, text + (size_t)8 * i, sizeof value);
        sr_batch_set(&books->durable->batch, word + i, value);
    }
}

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

/* --- books by name ------------------------------------------------------------------------------------------------------ */

static uint32_t *chain_of(const struct books *books, const struct sr_catalog_name *name)
{
    return &books->chains[sr_name_hash(name->name, name->type) % SR_PRIMITIVE_MAX];
}

static void read_name(const struct books *books, uint32_t index, struct sr_catalog_name *out_name)
{
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), out_name->name, sizeof out_name->name);
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_TYPE), out_name->type, sizeof out_name->type);
}

static uint32_t find_by_name(const struct books *books, const struct sr_catalog_name *name)
{
    for (uint32_t at = *chain_of(books, name); at != 0; at = books->book[at - 1].next) {
        struct sr_catalog_name other;
        read_name(books, at - 1, &other);
        if (strcmp(other.name, name->name) == 0 && strcmp(other.type, name->type) == 0) {
            return at - 1;
        }
    }
    return BOOK_NONE;
}

static void chain(struct books *books, uint32_t index, const struct sr_catalog_name *name)
{
    uint32_t *first = chain_of(books, name);
    books->book[index].next = *first;
    *first = index + 1;
}

/* --- places of figures -------------------------------------------------------------------------------------------------- */

static void settle_at(struct books *books, uint32_t index, uint32_t place)
{
    books->book[index].place = place;
    books_note_change(books, index);
    books->book[index].has_exemplar_news = true;
    books->place_owner[place] = index + 1;
    books->redirect[place] = 0;
    books->place_high = place >= books->place_high ? place + 1 : books->place_high;
}

/* A place that is nobody's and no registered id's. BOOK_NONE: none is left, the book is not shown. */
static uint32_t find_free_place(const struct books *books)
{
    for (uint32_t place = sr_catalog_high(books->rings); place < SR_PRIMITIVE_MAX; place++) {
        if (books->place_owner[place] == 0 && books->redirect[place] == 0) {
            return place;
        }
    }
    return BOOK_NONE;
}

/* Place `id` is wanted by a registered id: whoever stands there without being bound to it moves away. */
static void vacate(struct books *books, uint32_t id)
{
    const uint32_t owner = books->place_owner[id];
    if (owner == 0) {
        return;
    }
    books->place_owner[id] = 0;
    books->book[owner - 1].place = BOOK_NONE;
    const uint32_t other = find_free_place(books);
    if (other != BOOK_NONE) {
        settle_at(books, owner - 1, other);
    }
}

/* The first id of a book shows its figures; each other one sends readers there. */
static void show(struct books *books, uint32_t id, uint32_t index)
{
    struct book *book = &books->book[index];
    if (book->id == BOOK_NONE) {
        if (book->place != id) {
            vacate(books, id);
            if (book->place != BOOK_NONE) {
                books->place_owner[book->place] = 0;
                books->redirect[book->place] = id + 1;
            }
            settle_at(books, index, id);
        }
        book->id = id;
    } else if (book->id != id) {
        vacate(books, id);
        books->redirect[id] = book->place + 1;
        books->place_high = id >= books->place_high ? id + 1 : books->place_high;
        books_note_change(books, index);
    }
}

void binding_take_up(struct books *books)
{
    for (uint32_t index = 0; index < books->high; index++) {
        if (!books->book[index].is_used) {
            continue;
        }
        struct sr_catalog_name name;
        read_name(books, index, &name);
        chain(books, index, &name);
        settle_at(books, index, index); /* until its id is seen, or somebody else's */
    }
}

/* --- bounds ------------------------------------------------------------------------------------------------------------- */

#define BOUND(index, i, field) SR_WORD(book, index, SR_BOOK_BOUNDS + (i)*SR_BOUND_WORDS + (field))

struct bound {
    uint64_t ns;
    uint64_t slot;
    uint64_t exact_since_ns;
    uint64_t is_le;
    uint64_t since_ns;
};

struct bound_list {
    uint32_t count;
    struct bound bound[SLIPRING_BOUND_COUNT];
};

static void insert_bound(struct bound_list *list, uint64_t ns, bool is_le)
{
    uint32_t at = 0;
    while (at < list->count && list->bound[at].ns < ns) {
        at++;
    }
    if (at < list->count && list->bound[at].ns == ns) {
        list->bound[at].is_le |= is_le;
        return;
    }
    if (list->count == SLIPRING_BOUND_COUNT) {
        return; /* 16 `le` bounds and 8 thresholds fit */
    }
    memmove(&list->bound[at + 1], &list->bound[at], (list->count - at) * sizeof list->bound[0]);
    list->bound[at] = (struct bound){.ns = ns, .is_le = is_le};
    list->count++;
}

static uint64_t objective_word(const struct books *books, uint32_t index, uint32_t i, uint32_t field)
{
    return get(books, SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + field));
}

/* The `le` list of the book's name: its own, or the common one. */
static const struct sr_bound_list *le_of(const struct books *books, uint32_t index)
{
    const struct agent_options *options = books->options;
    if (options->le_of_count == 0) {
        return &options->le;
    }
    struct sr_catalog_name name;
    read_name(books, index, &name);
    for (uint32_t i = 0; i < options->le_of_count; i++) {
        const struct agent_le_of *one = &options->le_of[i];
        if (strlen(name.name) == one->name_bytes && memcmp(name.name, one->name, one->name_bytes) == 0) {
            return &one->le;
        }
    }
    return &options->le;
}

/* The union of the `le` list and the thresholds of the latency objectives. */
static void wanted_bounds(const struct books *books, uint32_t index, struct bound_list *out_list)
{
    out_list->count = 0;
    const struct sr_bound_list *le = le_of(books, index);
    for (uint32_t i = 0; i < le->count; i++) {
        insert_bound(out_list, le->ns[i], true);
    }
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (objective_word(books, index, i, SR_OBJECTIVE_KIND) == SLIPRING_LATENCY) {
            insert_bound(out_list, objective_word(books, index, i, SR_OBJECTIVE_THRESHOLD_NS), false);
        }
    }
}

static void read_bounds(const struct books *books, uint32_t index, struct bound_list *out_list)
{
    out_list->count = books->book[index].bounds.count;
    for (uint32_t i = 0; i < out_list->count; i++) {
        out_list->bound[i] = (struct bound){
            .ns = get(books, BOUND(index, i, SR_BOUND_NS)),
            .slot = get(books, BOUND(index, i, SR_BOUND_SLOT)),
            .exact_since_ns = get(books, BOUND(index, i, SR_BOUND_EXACT_SINCE_NS)),
            .is_le = get(books, BOUND(index, i, SR_BOUND_IS_LE)),
            .since_ns = books->book[index].bound_since_ns[i],
        };
    }
}

static void write_bounds(struct books *books, uint32_t index, const struct bound_list *list)
{
    uint64_t ns[SLIPRING_BOUND_COUNT];
    for (uint32_t i = 0; i < list->count; i++) {
        const struct bound *bound = &list->bound[i];
        ns[i] = bound->ns;
        set(books, BOUND(index, i, SR_BOUND_NS), bound->ns);
        set(books, BOUND(index, i, SR_BOUND_SLOT), bound->slot);
        set(books, BOUND(index, i, SR_BOUND_EXACT_SINCE_NS), bound->exact_since_ns);
        set(books, BOUND(index, i, SR_BOUND_IS_LE), bound->is_le);
        books->book[index].bound_since_ns[i] = bound->since_ns;
    }
    set(books, SR_WORD(book, index, SR_BOOK_BOUND_COUNT), list->count);
    sr_tally_bounds_set(&books->book[index].bounds, ns, list->count);
    exemplars_follow_bounds(books, index);
    books_note_change(books, index);
}

static struct bound *find_bound(struct bound_list *list, uint64_t ns)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->bound[i].ns == ns) {
            return &list->bound[i];
        }
    }
    return NULL;
}

/* What an old bound counted goes on in the new list: under itself, or, when it is gone, under the next one in its
 * bucket, whose samples those are too. */
static void carry_over(struct bound_list *list, const struct bound *old)
{
    uint64_t ns[SLIPRING_BOUND_COUNT];
    for (uint32_t i = 0; i < list->count; i++) {
        ns[i] = list->bound[i].ns;
    }
    const int slot = sr_bound_slot(ns, list->count, old->ns);
    if (slot < 0) {
        return;
    }
    struct bound *to = &list->bound[slot];
    to->slot += old->slot;
    if (to->ns == old->ns) {
        to->exact_since_ns = old->exact_since_ns;
        to->since_ns = old->since_ns;
    }
}

static bool is_default_bound(uint64_t ns)
{
    for (uint32_t i = 0; i < SR_BOUND_DEFAULT_COUNT; i++) {
        if (sr_bound_defaults[i] == ns) {
            return true;
        }
    }
    return false;
}

/* Do producers of an id, to whom nothing was announced, count at this bound? At the default ones, and at the primitive's own thresholds. */
static bool is_known_unannounced(const struct sr_catalog_lists *lists, uint64_t ns)
{
    bool is_known = is_default_bound(ns);
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT && lists; i++) {
        is_known = is_known ||
                   (lists->objectives[i].kind == SLIPRING_LATENCY && lists->objectives[i].threshold_ns == ns);
    }
    return is_known;
}

/* Bring the book's bounds up to the lists, the id's `lists` among them. Does nothing when they are. id BOOK_NONE: the book has none. */
static void update_bounds(struct books *books, uint32_t id, uint32_t index,
                          const struct sr_catalog_lists *lists, uint64_t now_ns)
{
    struct bound_list old;
    struct bound_list list;
    read_bounds(books, index, &old);
    wanted_bounds(books, index, &list);
    bool is_same = old.count == list.count;
    for (uint32_t i = 0; is_same && i < list.count; i++) {
        is_same = old.bound[i].ns == list.bound[i].ns && old.bound[i].is_le == list.bound[i].is_le;
    }
    if (is_same) {
        return;
    }
    const bool was_announced = id == BOOK_NONE || sr_catalog_is_announced(books->rings, id);
    for (uint32_t i = 0; i < list.count; i++) {
        struct bound *bound = &list.bound[i];
        if (find_bound(&old, bound->ns)) {
            continue;
        }
        const uint32_t cell = SR_WORD(book, index, SR_BOOK_CELLS + sr_bucket_index(bound->ns));
        bound->exact_since_ns = get(books, cell) != 0 ? now_ns : 0;
        const bool was_known = !was_announced && is_known_unannounced(lists, bound->ns);
        bound->since_ns = was_known ? 0 : now_ns;
    }
    for (uint32_t i = 0; i < old.count; i++) {
        carry_over(&list, &old.bound[i]);
    }
    write_bounds(books, index, &list);
}

static void announce(struct books *books, uint32_t id)
{
    const struct book *book = &books->book[books->primitive[id].book];
    const uint32_t under = book->id == BOOK_NONE ? id : book->id;
    if (!sr_catalog_announces(books->rings, id, book->bounds.ns, book->bounds.count, under)) {
        sr_catalog_announce(books->rings, id, book->bounds.ns, book->bounds.count, under);
        books->has_news = true;
    }
}

/* --- lists -------------------------------------------------------------------------------------------------------------- */

/* The book's category of this name: found or added; 0, "default", when there is no room. */
static uint8_t category_of(struct books *books, uint32_t index, const char name[32])
{
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT && name[0]; i++) {
        const uint32_t word = SR_WORD(book, index, SR_BOOK_CATEGORIES + 4 * i);
        char there[32];
        binding_read_text(books, word, there, sizeof there);
        if (there[0] == '\0') {
            binding_write_text(books, word, name, sizeof there);
            books_note_change(books, index);
            return (uint8_t)i;
        }
        if (strcmp(there, name) == 0) {
            return (uint8_t)i;
        }
    }
    return 0;
}

uint8_t binding_category(struct books *books, uint32_t index, const char name[32])
{
    return strcmp(name, "default") == 0 ? 0 : category_of(books, index, name);
}

static void take_over_lists(struct books *books, uint32_t id, uint64_t now_ns)
{
    struct primitive *primitive = &books->primitive[id];
    struct sr_catalog_lists lists;
    sr_catalog_read_lists(books->rings, id, &lists);
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        primitive->category[i] = category_of(books, primitive->book, lists.categories[i]);
    }
    const uint32_t begun = objectives_take_over(books, id, primitive->book, &lists, now_ns);
    update_bounds(books, id, primitive->book, &lists, now_ns);
    objectives_begin(books, primitive->book, begun, now_ns);
    announce(books, id);
}

static void look_at_lists(struct books *books, uint32_t id, uint64_t now_ns)
{
    const uint32_t stamp = sr_catalog_lists_stamp(books->rings, id);
    if (stamp != books->primitive[id].lists_stamp) {
        books->primitive[id].lists_stamp = stamp;
        take_over_lists(books, id, now_ns);
    }
}

void binding_update(struct books *books, uint32_t id, uint64_t now_ns)
{
    if (sr_catalog_has_news(books->rings, SR_NEWS_LISTS, id)) {
        look_at_lists(books, id, now_ns);
    }
}

/* A book whose name nobody registered in this ring segment: what programs say of it is not known. */
static void take_over_nothing(struct books *books, uint32_t index, uint64_t now_ns)
{
    const uint32_t begun = objectives_take_over(books, BOOK_NONE, index, NULL, now_ns);
    update_bounds(books, BOOK_NONE, index, NULL, now_ns);
    objectives_begin(books, index, begun, now_ns);
}

void binding_take_up_unregistered(struct books *books, uint64_t now_ns)
{
    for (uint32_t index = 0; index < books->high; index++) {
        if (books->book[index].is_used && books->book[index].id == BOOK_NONE) {
            books_make_room(books);
            take_over_nothing(books, index, now_ns);
        }
    }
    books_commit(books);
}

void binding_take_up_options(struct books *books, uint64_t now_ns, void (*breathe)(void *context),
                             void *context)
{
    const uint32_t high = sr_catalog_high(books->rings);
    for (uint32_t index = 0; index < books->high; index++) {
        struct book *book = &books->book[index];
        book->told_full = 0;
        book->judged_ns = 0;
        books_note_change(books, index);
    }
    binding_take_up_unregistered(books, now_ns);
    for (uint32_t id = 0; id < high; id++) {
        if (books->primitive[id].book != BOOK_NONE) {
            books_make_room(books);
            take_over_lists(books, id, now_ns);
        }
        if (id % BREATH == BREATH - 1) {
            books_commit(books);
            breathe(context);
        }
    }
    books_commit(books);
    binding_tell(books);
}

/* --- binding ------------------------------------------------------------------------------------------------------------ */

/* An unused book, its own index if it can be. BOOK_NONE: none left. */
static uint32_t find_unused(const struct books *books, uint32_t id)
{
    if (!books->book[id].is_used) {
        return id;
    }
    for (uint32_t index = 0; index < SR_PRIMITIVE_MAX; index++) {
        if (!books->book[index].is_used) {
            return index;
        }
    }
    return BOOK_NONE;
}

static uint32_t begin_book(struct books *books, uint32_t id, const struct sr_catalog_name *name)
{
    const uint32_t index = find_unused(books, id);
    if (index == BOOK_NONE || !books_reserve(books, SR_WORD(book, index, 0), SR_WORDS_PER_PAGE)) {
        return BOOK_NONE;
    }
    set(books, SR_WORD(book, index, SR_BOOK_USED), 1);
    set(books, SR_WORD(book, index, SR_BOOK_OPENED_NS), books->seen_ns); /* what it books began after that */
    set(books, SR_WORD(book, index, SR_BOOK_CREATED_WALL_NS), books->wall_ns);
    binding_write_text(books, SR_WORD(book, index, SR_BOOK_NAME), name->name, sizeof name->name);
    binding_write_text(books, SR_WORD(book, index, SR_BOOK_TYPE), name->type, sizeof name->type);
    if (index >= books->high) {
        books->high = index + 1;
        set(books, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), books->high);
    }
    books->book[index].is_used = true;
    chain(books, index, name);
    return index;
}

/* The book for an id that is bound to none. A name that cannot be is booked under __overflow__: totals stay right. */
static uint32_t choose_book(struct books *books, uint32_t id, uint64_t now_ns)
{
    struct sr_catalog_name name;
    if (!sr_catalog_read(books->rings, id, &name)) {
        if (id == SR_PRIMITIVE_OVERFLOW || !sr_catalog_is_reserved(books->rings, id)) {
            return BOOK_NONE;
        }
        log_event(LOG_WARNING, log_what("impossible name, booked under __overflow__"), log_number("id", id));
        return binding_find(books, SR_PRIMITIVE_OVERFLOW, now_ns);
    }
    const uint32_t index = find_by_name(books, &name);
    return index != BOOK_NONE ? index : begin_book(books, id, &name);
}

static uint32_t bind(struct books *books, uint32_t id, uint64_t now_ns)
{
    uint32_t slot = 0;
    if (sr_catalog_state(books->rings, id, &slot) != SR_REGISTRY_READY ||
        !sr_catalog_is_reserved(books->rings, id) ||
        !books_reserve(books, SR_WORD(book, id, 0), SR_WORDS_PER_PAGE)) {
        return BOOK_NONE;
    }
    const uint32_t word = SR_WORD(book, id, SR_BOOK_OF_ID);
    const uint64_t known = get(books, word);
    uint32_t index = BOOK_NONE;
    if (known != 0 && known <= books->high && books->book[known - 1].is_used) {
        index = (uint32_t)(known - 1);
    } else {
        index = choose_book(books, id, now_ns);
        if (index == BOOK_NONE) {
            return BOOK_NONE;
        }
        set(books, word, (uint64_t)index + 1);
    }
    books->primitive[id].book = index;
    books->has_new_names = true;
    show(books, id, index);
    books->primitive[id].lists_stamp = sr_catalog_lists_stamp(books->rings, id);
    take_over_lists(books, id, now_ns);
    return index;
}

uint32_t binding_find(struct books *books, uint32_t id, uint64_t now_ns)
{
    const uint32_t index = books->primitive[id].book;
    return index != BOOK_NONE ? index : bind(books, id, now_ns);
}

void binding_tell(struct books *books)
{
    if (books->has_news) {
        books->has_news = false;
        sr_drain_raise_bounds_epoch(books->rings);
    }
}

static void look_at_news(struct books *books, uint64_t now_ns)
{
    for (uint32_t group = 0; group < SR_NEWS_GROUPS; group++) {
        uint64_t bits = sr_catalog_take_news(books->rings, SR_NEWS_LISTS, group);
        for (; bits != 0; bits &= bits - 1) {
            const uint32_t id = group * 64 + (uint32_t)__builtin_ctzll(bits);
            if (books->primitive[id].book != BOOK_NONE) {
                books_make_room(books);
                look_at_lists(books, id, now_ns);
            }
        }
    }
}

static void look_at_all(struct books *books, uint64_t now_ns)
{
    sr_catalog_look(books->rings);
    const uint32_t high = sr_catalog_high(books->rings);
    for (uint32_t id = 0; id < high; id++) {
        if (books->primitive[id].book != BOOK_NONE) {
            books_make_room(books);
            look_at_lists(books, id, now_ns);
        }
    }
}

static void bind_new(struct books *books, uint64_t now_ns)
{
    const uint32_t high = sr_catalog_high(books->rings);
    for (uint32_t id = books->bound_low; id < high; id++) {
        if (books->primitive[id].book != BOOK_NONE) {
            books->bound_low += books->bound_low == id;
            continue;
        }
        books_make_room(books);
        if (binding_find(books, id, now_ns) == BOOK_NONE && books->durable->words.is_refused) {
            break; /* no room: the next ones would have none either */
        }
    }
}

void binding_refresh(struct books *books, bool all, uint64_t now_ns)
{
    if (all) {
        look_at_all(books, now_ns);
    } else {
        look_at_news(books, now_ns);
    }
    bind_new(books, now_ns);
    books_commit(books);
    binding_tell(books);
}
