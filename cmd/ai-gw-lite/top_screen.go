package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// What a terminal is told (ECMA-48, and xterm's alternate screen). Lines do not
// wrap on it: a letter may be wider than a column (通), which the terminal knows best.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" + noWrap
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	noWrap      = "\x1b[?7l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearRest   = "\x1b[J"
)

// watch draws the table on a screen of its own, which is left as it was found.
func (a *admin) watch(ctx context.Context, out io.Writer, size func() (columns, rows int)) error {
	if _, err := io.WriteString(out, enterScreen); err != nil {
		return err
	}
	defer io.WriteString(out, leaveScreen)
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for {
		list, err := a.streams(ctx)
		if ctx.Err() != nil {
			return nil
		}
		columns, rows := size()
		if _, err := io.WriteString(out, a.screen(list, err, columns, rows)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-each.C:
		}
	}
}

// screen is what is drawn. A gateway that does not answer may be restarting.
func (a *admin) screen(list []stream, err error, columns, rows int) string {
	var page strings.Builder
	if err != nil {
		fmt.Fprintln(&page, cut(clean(err.Error()), columns))
	} else {
		fmt.Fprintln(&page, cut(title(a.url, list), columns))
		fmt.Fprintln(&page)
		writeTable(&page, list, columns)
	}
	lines := strings.Split(strings.TrimSuffix(page.String(), "\n"), "\n")
	if len(lines) > rows {
		more := fmt.Sprintf("… and %d more", len(lines)-rows+1)
		lines = append(lines[:rows-1], cut(more, columns))
	}
	return toTop + strings.Join(lines, clearLine+"\r\n") + clearLine + clearRest
}

func title(at string, list []stream) string {
	streaming := 0
	for i := range list {
		if list[i].State == "streaming" || list[i].State == "websocket" {
			streaming++
		}
	}
	u, _ := url.Parse(at) // it has been asked
	return fmt.Sprintf("%s  %d in flight, %d streaming  %s", u.Host, len(list), streaming, time.Now().Format(time.TimeOnly))
}
