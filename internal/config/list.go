package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// list is any number of values of one kind.
type list[T any] struct {
	origin
	items []T
}

// listOf makes a list the value of a field. item is how an element is decoded.
func listOf[T any](l *list[T], item func(*T) value) elements[T] {
	return elements[T]{list: l, item: item}
}

// elements is a list as a value.
type elements[T any] struct {
	*list[T]
	item  func(*T) value
	least int
}

func (e elements[T]) atLeastOne() elements[T] { e.least = 1; return e }

func (e elements[T]) element() value { return e.item(new(T)) }

func (e elements[T]) decode(d *decoder, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.problem(e.org(), "must be a list")
		return
	}
	if len(n.Content) < e.least {
		d.problem(e.org(), "needs at least one entry")
	}
	e.items = make([]T, len(n.Content))
	for i, child := range n.Content {
		at := place{fmt.Sprintf("%s[%d]", e.field, i), child.Line, child.Column}
		d.value(e.item(&e.items[i]), at, child)
	}
}

// texts is a list of plain texts.
func texts(l *list[text]) elements[text] {
	return listOf(l, func(t *text) value { return t })
}

// plain is what the texts of a list say.
func plain(l list[text]) []string {
	var out []string
	for _, t := range l.items {
		out = append(out, t.v)
	}
	return out
}
