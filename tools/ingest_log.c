/* SPDX-License-Identifier: Apache-2.0 */
/* Access logs: variables with fixed text between them, as nginx's log_format or Apache's LogFormat writes them. See ingest.h.
 *
 * A variable ends where the text behind it begins; one between quotes may hold quotes with a backslash before them. Two variables without text
 * between them cannot be told apart, and are refused when the format is read. */
#include <stdio.h>
#include <string.h>

#include "ingest.h"
#include "message.h"

/* --- the format ----------------------------------------------------------------------------------------------------- */

/* Apache's directives, by the names that nginx has for them, or their own. */
static const struct {
    const char *directive; /* without the %, '<' and '>' */
    const char *name;
} apache[] = {
    {"h", "remote_addr"},
    {"a", "remote_addr"},
    {"l", "ident"},
    {"u", "remote_user"},
    {"t", "time_local"},
    {"r", "request"},
    {"s", "status"},
    {"b", "body_bytes_sent"},
    {"B", "body_bytes_sent"},
    {"O", "bytes_sent"},
    {"I", "request_length"},
    {"D", "duration_us"},
    {"T", "duration_s"},
    {"m", "request_method"},
    {"U", "uri"},
    {"q", "args"},
    {"H", "server_protocol"},
    {"v", "host"},
    {"V", "host"},
    {"p", "port"},
    {"P", "pid"},
    {"X", "connection_status"},
    {"L", "request_id"},
    {"k", "keepalive"},
    {"f", "filename"},
    {"A", "local_addr"},
    {"R", "handler"},
    {"{s}T", "duration_s"},
    {"{ms}T", "duration_ms"},
    {"{us}T", "duration_us"},
};

struct compiling {
    struct ingest_log *log;
    size_t literal; /* bytes of text since the last variable */
};

static bool too_much(void)
{
    message_print("the log format has more than %d variables, or more than 63 bytes in one or between two",
                  INGEST_PIECE_MAX - 1);
    return false;
}

static bool add_byte(struct compiling *compiling, char byte)
{
    struct ingest_piece *piece = &compiling->log->pieces[compiling->log->count - 1];
    if (piece->behind_length + 1 >= sizeof piece->behind) {
        return too_much();
    }
    piece->behind[piece->behind_length++] = byte;
    piece->behind[piece->behind_length] = '\0';
    return true;
}

static bool add_variable(struct compiling *compiling, const char *name, size_t length)
{
    struct ingest_log *log = compiling->log;
    const struct ingest_piece *before = &log->pieces[log->count - 1];
    if (log->count > 1 && before->behind_length == 0) {
        message_print(
            "the log format has two variables with nothing between them, %s and %.*s: where one ends "
            "cannot be told",
            before->name, (int)length, name);
        return false;
    }
    if (log->count == INGEST_PIECE_MAX || length >= sizeof before->name) {
        return too_much();
    }
    struct ingest_piece *piece = &log->pieces[log->count++];
    memset(piece, 0, sizeof *piece);
    memcpy(piece->name, name, length);
    piece->is_quoted = before->behind_length > 0 && before->behind[before->behind_length - 1] == '"';
    return true;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "$request_time", "${request_time}". */
static bool take_nginx(struct compiling *compiling, const char **format)
{
    const char *name = *format + 1;
    bool is_braced = *name == '{';
    name += is_braced;
    size_t length = 0;
    while (is_name_byte(name[length])) {
        length++;
    }
    if (length == 0 || (is_braced && name[length] != '}')) {
        struct render_text quoted;
        message_print("the log format has a $ without a name: %s", render_quote(*format, &quoted));
        return false;
    }
    *format = name + length + is_braced;
    return add_variable(compiling, name, length);
}

/* "%>s", "%{Referer}i", "%400,501{User-agent}i". */
static bool take_apache(struct compiling *compiling, const char **format)
{
    const char *at = *format + 1;
    char name[64] = "";
    char directive[8];
    at += strspn(at, "!,0123456789");
    at += strspn(at, "<>");
    const char *begin = at;
    size_t braces = 0;
    if (*at == '{') {
        braces = strcspn(at, "}");
        at += braces + (at[braces] == '}');
    }
    const char letter = *at ? *at++ : '\0';
    if (*begin == '{') {
        (void)snprintf(name, sizeof name, "%.*s", (int)(braces - 1), begin + 1); /* %{NAME}i */
    }
    (void)snprintf(directive, sizeof directive, "%.*s", (int)(at - begin), begin);
    for (size_t i = 0; i < sizeof apache / sizeof *apache; i++) {
        if (strcmp(apache[i].directive, directive) == 0 && strlen(directive) == (size_t)(at - begin)) {
            (void)snprintf(name, sizeof name, "%s", apache[i].name);
        }
    }
    if (letter == '\0' || name[0] == '\0') {
        struct render_text quoted;
        message_print("the log format has a directive that is not known: %s", render_quote(*format, &quoted));
        return false;
    }
    *format = at;
    /* Apache writes the brackets of the time itself. */
    bool is_time = letter == 't' && *begin != '{';
    return (!is_time || add_byte(compiling, '[')) && add_variable(compiling, name, strlen(name)) &&
           (!is_time || add_byte(compiling, ']'));
}

static bool compile(struct compiling *compiling, const char *format)
{
    bool is_apache = !strchr(format, '$') && strchr(format, '%');
    while (*format) {
        bool is_fine = true;
        if (is_apache && format[0] == '%' && format[1] == '%') {
            is_fine = add_byte(compiling, '%');
            format += 2;
        } else if (is_apache && *format == '%') {
            is_fine = take_apache(compiling, &format);
        } else if (!is_apache && *format == '$') {
            is_fine = take_nginx(compiling, &format);
        } else {
            format += format[0] == '\\' && (format[1] == '"' || format[1] == '\\'); /* as in httpd.conf */
            is_fine = add_byte(compiling, *format++);
        }
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

bool ingest_log_open(struct ingest_log *log, const char *format)
{
    struct compiling compiling = {.log = log};
    *log = (struct ingest_log){.count = 1, .request = INGEST_PIECE_MAX};
    if (!compile(&compiling, format)) {
        return false;
    }
    if (log->count == 1) {
        message_print(
            "the log format has no variables: give nginx's, as '$remote_addr \"$request\" $request_time', or "
            "Apache's, as '%%h \"%%r\" %%D'");
        return false;
    }
    for (uint32_t i = 1; i < log->count; i++) {
        if (strcmp(log->pieces[i].name, "request") == 0) {
            log->request = i;
        }
    }
    return true;
}

/* --- fields ----------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum ingest_part part;
    const char *instead[2]; /* variables that hold the same */
} parts[] = {
    {"method", INGEST_METHOD, {"request_method", NULL}},
    {"target", INGEST_TARGET, {"request_uri", NULL}},
    {"path", INGEST_PATH, {"uri", "document_uri"}},
    {"protocol", INGEST_PROTOCOL, {"server_protocol", NULL}},
};

static uint32_t find_piece(const struct ingest_log *log, const char *name)
{
    uint32_t i = 1;
    while (name && i < log->count && strcmp(log->pieces[i].name, name) != 0) {
        i++;
    }
    return name && i < log->count ? i : INGEST_PIECE_MAX;
}

/* False: it is not in the format. */
static bool find_source(const struct ingest_log *log, const char *name, struct ingest_source *out_source)
{
    *out_source = (struct ingest_source){.piece = find_piece(log, name), .part = INGEST_ALL};
    for (size_t i = 0; i < sizeof parts / sizeof *parts && out_source->piece == INGEST_PIECE_MAX; i++) {
        if (strcmp(parts[i].name, name) != 0) {
            continue;
        }
        for (size_t j = 0; j < 2 && out_source->piece == INGEST_PIECE_MAX; j++) {
            out_source->piece = find_piece(log, parts[i].instead[j]);
        }
        if (out_source->piece == INGEST_PIECE_MAX) {
            *out_source = (struct ingest_source){.piece = log->request, .part = parts[i].part};
        }
    }
    return out_source->piece != INGEST_PIECE_MAX;
}

bool ingest_log_has(const struct ingest_log *log, const char *name)
{
    struct ingest_source source;
    return find_source(log, name, &source);
}

bool ingest_log_bind(struct ingest_log *log, const struct ingest_fields *fields)
{
    log->field_count = fields->count;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (!find_source(log, fields->names[i], &log->sources[i])) {
            struct render_text quoted;
            struct render_text list = {.text = ""};
            size_t length = 0;
            for (uint32_t j = 1; j < log->count && length < sizeof list.text; j++) {
                length += (size_t)snprintf(list.text + length, sizeof list.text - length, "%s%s",
                                           j > 1 ? ", " : "", log->pieces[j].name);
            }
            message_print("the log format has no variable %s: it has %s%s",
                          render_quote(fields->names[i], &quoted), list.text,
                          log->request < INGEST_PIECE_MAX ? "; and of request: method, target, path, protocol"
                                                          : "");
            return false;
        }
    }
    return true;
}

/* --- lines ------------------------------------------------------------------------------------------------------------- */

/* Where the text behind a variable begins. NULL: nowhere. */
static const char *find_behind(const struct ingest_piece *piece, const char *from, const char *end)
{
    if (piece->behind_length == 0) {
        return end;
    }
    for (const char *at = from; at < end; at++) {
        const char first = piece->behind[0];
        if (!piece->is_quoted) {
            at = memchr(at, first, (size_t)(end - at));
            if (!at) {
                return NULL;
            }
        } else if (*at == '\\') {
            at++;
            continue;
        } else if (*at != first) {
            continue;
        }
        if ((size_t)(end - at) >= piece->behind_length &&
            memcmp(at, piece->behind, piece->behind_length) == 0) {
            return at;
        }
    }
    return NULL;
}

/* "GET /a?b HTTP/1.1". False: it is not that. */
static bool take_part(struct ingest_text request, enum ingest_part part, struct ingest_text *out_text)
{
    const char *begin = request.text;
    const char *end = begin + request.length;
    const char *first = memchr(begin, ' ', request.length);
    const char *last = memrchr(begin, ' ', request.length);
    if (!first || first == last || first == begin) {
        return false;
    }
    const char *target_end = last;
    switch (part) {
    case INGEST_METHOD:
        *out_text = (struct ingest_text){.text = begin, .length = (size_t)(first - begin)};
        return true;
    case INGEST_PROTOCOL:
        *out_text = (struct ingest_text){.text = last + 1, .length = (size_t)(end - last - 1)};
        return true;
    case INGEST_PATH:
        target_end = memchr(first, '?', (size_t)(last - first));
        target_end = target_end ? target_end : last;
        break;
    case INGEST_TARGET:
    case INGEST_ALL:
    default:
        break;
    }
    *out_text = (struct ingest_text){.text = first + 1, .length = (size_t)(target_end - first - 1)};
    return true;
}

/* The text of each variable. False: the line does not look so. */
static bool match(const struct ingest_log *log, const struct ingest_record *record, struct ingest_text *texts,
                  struct ingest_fault *fault)
{
    const char *at = record->text;
    const char *end = at + record->length;
    const struct ingest_piece *head = &log->pieces[0];
    if ((size_t)(end - at) < head->behind_length || memcmp(at, head->behind, head->behind_length) != 0) {
        (void)snprintf(fault->why, sizeof fault->why, "the line does not begin as the log format does");
        return false;
    }
    at += head->behind_length;
    for (uint32_t i = 1; i < log->count; i++) {
        const char *behind = find_behind(&log->pieces[i], at, end);
        if (!behind) {
            (void)snprintf(fault->why, sizeof fault->why,
                           "the line does not look as the log format says: no end of %s",
                           log->pieces[i].name);
            return false;
        }
        texts[i] = (struct ingest_text){.text = at, .length = (size_t)(behind - at)};
        at = behind + log->pieces[i].behind_length;
    }
    if (at != end) {
        (void)snprintf(fault->why, sizeof fault->why, "the line has more than the log format says");
        return false;
    }
    return true;
}

bool ingest_log_take(const struct ingest_log *log, const struct ingest_record *record, struct ingest_row *row,
                     struct ingest_fault *fault)
{
    struct ingest_text texts[INGEST_PIECE_MAX];
    if (!match(log, record, texts, fault)) {
        return false;
    }
    for (uint32_t i = 0; i < log->field_count; i++) {
        const struct ingest_source *source = &log->sources[i];
        row->at[i] = texts[source->piece];
        if (source->part != INGEST_ALL && !take_part(texts[source->piece], source->part, &row->at[i])) {
            return ingest_refuse(fault, "the request %s is no METHOD TARGET PROTOCOL", texts[source->piece]);
        }
        if (row->at[i].length == 0 || (row->at[i].length == 1 && row->at[i].text[0] == '-')) {
            row->at[i] = (struct ingest_text){.text = NULL}; /* "-" is how logs write nothing */
        }
    }
    return true;
}
