#include "common/yaml/yaml.h"

#include "common/base/limits.h"
#include "common/yaml/nodes.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t   parser;
    yaml_event_t    event; /* the current one; owned */
    struct lk_yaml *yaml;
    struct lk_str   bytes;

    struct lk_yaml_problems *problems; /* or NULL */
};

static void close_reader(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}

static unsigned line_of_event(const struct reader *reader)
{
    return (unsigned)reader->event.start_mark.line + 1;
}

/* libyaml's reader reports an offset only, its scanner and parser a line. */
static unsigned line_of_problem(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    unsigned             line = 1;

    if (parser->error != YAML_READER_ERROR)
        return (unsigned)parser->problem_mark.line + 1;
    for (size_t i = 0; i < parser->problem_offset && i < reader->bytes.len; i++)
        line += reader->bytes.data[i] == '\n';
    return line;
}

static int next_event(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return 0;
    return lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, line_of_problem(reader),
                          "not well-formed YAML: %s",
                          reader->parser.problem ? reader->parser.problem : "unknown problem");
}

static struct lk_yaml_part *read_scalar(struct reader *reader)
{
    struct lk_yaml_part *node =
        lk_yaml_add(reader->yaml, LK_YAML_SCALAR, line_of_event(reader));
    struct lk_yaml_anchor *anchor;

    if (!node)
        return NULL;
    if (strlen((const char *)reader->event.data.scalar.value) !=
        reader->event.data.scalar.length) {
        lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, node->shown.line, "text with a NUL in it");
        return NULL;
    }
    node->shown.text = lk_xstrdup((const char *)reader->event.data.scalar.value);
    node->shown.plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->owns_text = true;
    anchor =
        lk_yaml_add_anchor(reader->yaml, (const char *)reader->event.data.scalar.anchor, node);
    if (anchor)
        anchor->complete = true;
    return node;
}

static struct lk_yaml_part *read_node(struct reader *reader, unsigned depth);

static int read_list(struct reader *reader, struct lk_yaml_part *list, unsigned depth)
{
    const struct lk_yaml_node **tail = &list->shown.first;

    for (;;) {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        struct lk_yaml_part *item = read_node(reader, depth + 1);
        if (!item)
            return -1;
        *tail = &item->shown;
        tail = &item->shown.next;
        lk_yaml_grow(list, item);
    }
}

/* A key that is there already: with a list of problems, it and its value are read and passed over. */
static int duplicate(struct reader *reader, const struct lk_yaml_part *key, unsigned first_line)
{
    lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, key->shown.line,
                   "duplicate key '%.64s': it is on line %u already", key->shown.text,
                   first_line);
    if (!reader->problems)
        return -1;
    lk_yaml_problem_add(reader->problems, reader->yaml->err);
    return 0;
}

static int read_key(struct reader *reader, unsigned depth, struct lk_yaml_part **key)
{
    *key = read_node(reader, depth);
    if (!*key)
        return -1;
    if ((*key)->shown.kind == LK_YAML_SCALAR)
        return 0;
    return lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, (*key)->shown.line,
                          "a key must be text, not a list or a mapping");
}

static int read_pair(struct reader *reader, struct lk_yaml_part *map,
                     const struct lk_yaml_node ***tail, const struct lk_yaml_part **merged,
                     unsigned depth)
{
    const struct lk_yaml_node *twin;
    struct lk_yaml_part       *key, *value;
    bool                       is_merge;

    if (read_key(reader, depth, &key) < 0 || next_event(reader) < 0)
        return -1;
    value = read_node(reader, depth);
    if (!value)
        return -1;
    is_merge = key->shown.plain && strcmp(key->shown.text, "<<") == 0;
    twin = is_merge ? (*merged ? &(*merged)->shown : NULL)
                    : lk_yaml_find_key(map, key->shown.text);
    if (twin)
        return duplicate(reader, key, twin->line);
    key->shown.value = &value->shown;
    if (is_merge) {
        *merged = key;
        return 0;
    }
    key->expanded += value->expanded;
    key->height = value->height;
    **tail = &key->shown;
    *tail = &key->shown.next;
    lk_yaml_grow(map, key);
    return 0;
}

static int read_map(struct reader *reader, struct lk_yaml_part *map, unsigned depth)
{
    const struct lk_yaml_node **tail = &map->shown.first;
    const struct lk_yaml_part  *merged = NULL;

    for (;;) {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return merged ? lk_yaml_merge(reader->yaml, map, &tail, merged->shown.value) : 0;
        if (read_pair(reader, map, &tail, &merged, depth + 1) < 0)
            return -1;
    }
}

static struct lk_yaml_part *read_collection(struct reader *reader, enum lk_yaml_kind kind,
                                            const yaml_char_t *anchor_name, unsigned depth)
{
    struct lk_yaml_part   *node = lk_yaml_add(reader->yaml, kind, line_of_event(reader));
    struct lk_yaml_anchor *anchor;
    int                    result;

    if (!node)
        return NULL;
    if (depth > LK_YAML_DEPTH_MAX) {
        lk_yaml_refuse(reader->yaml, LK_ERR_LIMIT, node->shown.line,
                       "nested deeper than %d levels, the most allowed", LK_YAML_DEPTH_MAX);
        return NULL;
    }
    anchor = lk_yaml_add_anchor(reader->yaml, (const char *)anchor_name, node);
    result =
        kind == LK_YAML_LIST ? read_list(reader, node, depth) : read_map(reader, node, depth);
    if (result < 0)
        return NULL;
    if (anchor)
        anchor->complete = true;
    return node;
}

static bool has_tag(const yaml_event_t *event)
{
    return (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) ||
           (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag) ||
           (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag);
}

/* The node that begins with the current event. */
static struct lk_yaml_part *read_node(struct reader *reader, unsigned depth)
{
    yaml_event_t *event = &reader->event;

    if (has_tag(event)) {
        lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, line_of_event(reader),
                       "explicit tags ('!...') are not accepted");
        return NULL;
    }
    if (event->type == YAML_ALIAS_EVENT)
        return lk_yaml_add_alias(reader->yaml, (const char *)event->data.alias.anchor,
                                 line_of_event(reader), depth);
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_collection(reader, LK_YAML_LIST, event->data.sequence_start.anchor, depth);
    if (event->type == YAML_MAPPING_START_EVENT)
        return read_collection(reader, LK_YAML_MAP, event->data.mapping_start.anchor, depth);
    lk_yaml_refuse(reader->yaml, LK_ERR_INVALID, line_of_event(reader), "a value is missing");
    return NULL;
}

static int read_document(struct reader *reader, const struct lk_yaml_node **root)
{
    *root = NULL;
    do {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_STREAM_END_EVENT)
            return 0;
    } while (reader->event.type != YAML_DOCUMENT_START_EVENT);
    if (next_event(reader) < 0)
        return -1;
    struct lk_yaml_part *node = read_node(reader, 1);
    if (!node)
        return -1;
    /* Also looks at what follows, so that garbage after the document is not passed over. */
    if (next_event(reader) < 0)
        return -1;
    if (!lk_yaml_is_null(&node->shown))
        *root = &node->shown;
    return 0;
}

int lk_yaml_parse(struct lk_yaml **out, const struct lk_yaml_node **root, struct lk_str bytes,
                  const char *name, struct lk_err *err)
{
    return lk_yaml_parse_all(out, root, bytes, name, NULL, err);
}

int lk_yaml_parse_all(struct lk_yaml **out, const struct lk_yaml_node **root,
                      struct lk_str bytes, const char *name, struct lk_yaml_problems *problems,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;

    if (bytes.len > LK_YAML_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%s: %zu bytes; at most %d are read", name,
                          bytes.len, LK_YAML_BYTES_MAX);
    if (!lk_str_is_utf8(bytes))
        return lk_err_set(err, LK_ERR_INVALID, "%s: not UTF-8 text; save it as UTF-8", name);

    yaml = lk_xcalloc(1, sizeof(*yaml));
    /* Not cleared: most documents need a few of them, and to touch the rest costs more than to parse. */
    yaml->parts = lk_xmalloc(LK_YAML_NODES_MAX * sizeof(*yaml->parts));
    yaml->name = name;
    yaml->err = err;
    LK_CLEANUP(close_reader)
    struct reader reader = {
        .yaml = yaml,
        .bytes = bytes,
        .problems = problems,
    };
    lk_assert(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes.data, bytes.len);
    if (read_document(&reader, root) < 0)
        return -1;
    *out = LK_TAKE(yaml);
    return 0;
}
