// Package browser drives a real browser, headless Chromium, for the tests of the
// console and for its pictures. It notes what no page of ours may do: errors in the
// browser's console, dialogs, and requests to anybody but the bridge.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a page may take for what is awaited of it.
const patience = 30 * time.Second

// programs are the names that Chromium goes by.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// ErrNone says that no browser is installed.
var ErrNone = errors.New("no Chromium is installed: on Debian, apt-get install chromium")

// Browser is one window. Open it with [Open]; it is used by one goroutine.
type Browser struct {
	ctx   context.Context
	close []func()
	base  *url.URL

	mu     sync.Mutex
	faults []string
}

// Open starts a browser for the bridge at a URL. Close ends it.
func Open(ctx context.Context, base string) (*Browser, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	program := ""
	for _, name := range programs {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		return nil, ErrNone
	}
	home, err := os.MkdirTemp("", "bridge-browser")
	if err != nil {
		return nil, err
	}
	b := &Browser{base: u}
	b.close = append(b.close, func() { _ = os.RemoveAll(home) })
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.UserDataDir(home), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("font-render-hinting", "none"), chromedp.WSURLReadTimeout(patience))
	alloc, endAlloc := chromedp.NewExecAllocator(ctx, options...)
	b.close = append(b.close, endAlloc)
	tab, endTab := chromedp.NewContext(alloc)
	b.close = append(b.close, func() { _ = chromedp.Cancel(tab) }, endTab)
	b.ctx = tab
	if err := b.listen(); err != nil {
		b.Close()
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	return b, nil
}

// listen starts the browser, and notes what no page may do from the first one on.
func (b *Browser) listen() error {
	if err := chromedp.Listen(b.ctx, b.hear); err != nil {
		return err
	}
	return b.Do(
		call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}),
		call(runtime.Enable, cdp.Empty{}), call(page.Enable, page.EnableParams{}))
}

// call is a command of the browser as a step.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// Close ends the browser.
func (b *Browser) Close() {
	for i := len(b.close) - 1; i >= 0; i-- {
		b.close[i]()
	}
	b.close = nil
}

// hear notes what no page may do.
func (b *Browser) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.fault("a script failed: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.fault("the console has a %s: %v", e.Type, e.Args)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.fault("the log has: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		b.fault("a dialog opened: %s", e.Message)
		go func() { // not here: the browser's messages are read here
			_ = b.Do(call(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}))
		}()
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme != "about" && u.Host != b.base.Host {
			b.fault("a request left for %s", e.Request.URL)
		}
	}
}

func (b *Browser) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// Faults are what was noted since it was last asked for.
func (b *Browser) Faults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.faults
	b.faults = nil
	return out
}

// Do runs steps of chromedp, within patience.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Ask is the value of a step of chromedp, within patience.
func Ask[T any](b *Browser, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, step)
}

// Go opens a path of the bridge, and waits until its page is there.
func (b *Browser) Go(path string) error {
	if err := b.Do(chromedp.Navigate(b.base.String()+path), chromedp.WaitReady(main)); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return nil
}

// main is what every page of ours has.
const main = chromedp.CSS("main")

// Look is how a page is looked at.
type Look struct {
	Width, Height int64 // of the window, in pixels of CSS
	Dark          bool
}

// The usual ones.
var (
	Desktop = Look{Width: 1280, Height: 900}
	Phone   = Look{Width: 360, Height: 780}
)

// InTheDark is the same at night.
func (l Look) InTheDark() Look {
	l.Dark = true
	return l
}

// As looks at pages in a way from now on.
func (b *Browser) As(l Look) error {
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	return b.Do(
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.Width, Height: l.Height, DeviceScaleFactor: 1, Mobile: l.Width < Desktop.Width/2,
		}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
	)
}

// Picture writes the page as it stands, in its whole length, as a PNG.
func (b *Browser) Picture(file string) error {
	png, err := Ask(b, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("take a picture for %s: %w", file, err)
	}
	return os.WriteFile(file, png, 0o644)
}

// Text is the text of what a selector finds first, as it is seen.
func (b *Browser) Text(selector string) (string, error) {
	return Ask(b, chromedp.Text(chromedp.CSS(selector)))
}

// Click clicks what a selector finds first, and waits for the page that comes.
func (b *Browser) Click(selector string) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		return fmt.Errorf("click %s: %w", selector, err)
	}
	return b.Do(chromedp.WaitReady(main))
}

// Type writes into the field that a selector finds first, in place of what is there.
func (b *Browser) Type(selector, text string) error {
	if text == "" {
		text = kb.Delete
	}
	return b.Do(chromedp.Focus(chromedp.CSS(selector)),
		chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent(text))
}

// Forget forgets all cookies.
func (b *Browser) Forget() error { return b.Do(call(network.ClearBrowserCookies, cdp.Empty{})) }

// Where is the path and query of the page.
func (b *Browser) Where() (string, error) {
	at, err := Ask(b, chromedp.Location())
	if err != nil {
		return "", err
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	return u.RequestURI(), nil
}

// Wide is by how many pixels the page is wider than its window: 0, or one has to
// scroll sideways.
func (b *Browser) Wide() (int64, error) {
	return Ask(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
}
