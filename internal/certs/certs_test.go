package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newPair makes a pair that is valid at the moment.
func newPair(t *testing.T) pair {
	t.Helper()
	return pairOf(t, time.Now())
}

func pairOf(t *testing.T, when time.Time) pair {
	t.Helper()
	p, err := generate("127.0.0.1:0", when)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadGivesTheOperatorsPair(t *testing.T) {
	dir, p := t.TempDir(), newPair(t)
	intermediate := newPair(t).cert
	loaded, err := Load(
		write(t, filepath.Join(dir, "a.crt"), append(p.cert, intermediate...)),
		write(t, filepath.Join(dir, "a.key"), p.key))
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Certificate) != 2 || loaded.PrivateKey == nil || loaded.Leaf == nil {
		t.Errorf("chain of %d, key %T, leaf %v", len(loaded.Certificate), loaded.PrivateKey, loaded.Leaf)
	}
}

func TestLoadTakesOneFileForBoth(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "both.pem"), pendingContent(newPair(t)))
	if _, err := Load(path, path); err != nil {
		t.Error(err)
	}
}

func TestLoadTakesAnExpiredCertificate(t *testing.T) {
	dir, p := t.TempDir(), pairOf(t, time.Now().AddDate(-11, 0, 0))
	if _, err := Load(write(t, filepath.Join(dir, "a.crt"), p.cert), write(t, filepath.Join(dir, "a.key"), p.key)); err != nil {
		t.Error(err)
	}
}

// Each mistake is blamed on the right file, in words that help, and whatever
// the file holds is not repeated.
func TestLoadNamesTheFileAtFault(t *testing.T) {
	p, other := newPair(t), newPair(t)
	const (
		secret    = "hunter2-hunter2"
		encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\naHVudGVyMg==\n-----END ENCRYPTED PRIVATE KEY-----\n"
		oldStyle  = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n"
		badCert   = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n"
		badKey    = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n"
		strange   = "-----BEGIN hunter2-hunter2-----\naHVudGVyMg==\n-----END hunter2-hunter2-----\n"
		// An X25519 key: openssl genpkey -algorithm X25519
		exchange = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIMCEVdM47X0n7WC1rAAEOO5rhSGTnbtYPhAeVU0E23hZ\n-----END PRIVATE KEY-----\n"
	)
	huge := strings.Repeat(secret, maxFileSize/len(secret)+1)
	for _, c := range []struct {
		name, cert, key string
		want            []string // one for each problem: file, then words
	}{
		{"cert is text", secret, string(p.key), []string{"certificate file", "no certificate in PEM form"}},
		{"cert is empty", "", string(p.key), []string{"certificate file", "no certificate in PEM form"}},
		{"cert is a strange block", strange, string(p.key), []string{"certificate file", "no certificate in PEM form"}},
		{"cert is a key", string(p.key), string(p.key), []string{"certificate file", "holds a private key"}},
		{"cert is broken", badCert, string(p.key), []string{"certificate file", "does not parse"}},
		{"cert is huge", huge, string(p.key), []string{"certificate file", "larger than"}},
		{"key is text", string(p.cert), secret, []string{"key file", "no private key in PEM form"}},
		{"key is a strange block", string(p.cert), strange, []string{"key file", "no private key in PEM form"}},
		{"key is a cert", string(p.cert), string(p.cert), []string{"key file", "holds a certificate"}},
		{"key is broken", string(p.cert), badKey, []string{"key file", "does not parse"}},
		{"key is encrypted", string(p.cert), encrypted, []string{"key file", "decrypt it"}},
		{"key is encrypted the old way", string(p.cert), oldStyle, []string{"key file", "decrypt it"}},
		{"key is for key exchange", string(p.cert), exchange, []string{"key file", "of a kind that TLS does not use"}},
		{"key is of another", string(p.cert), string(other.key), []string{"key file", "does not belong to the certificate in"}},
		{"both", secret, secret, []string{"certificate file", "no certificate", "key file", "no private key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			certPath := write(t, filepath.Join(dir, "a.crt"), []byte(c.cert))
			keyPath := write(t, filepath.Join(dir, "a.key"), []byte(c.key))
			_, err := Load(certPath, keyPath)
			problems := FileErrors(err)
			if len(problems) != len(c.want)/2 {
				t.Fatalf("%d problems, want %d: %v", len(problems), len(c.want)/2, err)
			}
			for i, problem := range problems {
				file, words := c.want[2*i], c.want[2*i+1]
				path := map[File]string{Cert: certPath, Key: keyPath}[problem.File]
				if problem.File.String() != file || problem.Path != path || !strings.Contains(problem.Error(), words) {
					t.Errorf("%v\nwant the %s and %q", problem, file, words)
				}
			}
			for _, content := range []string{"hunter2", "aHVudGVyMg", "ENCRYPTED PRIVATE"} {
				if strings.Contains(err.Error(), content) {
					t.Errorf("shows what the file holds: %v", err)
				}
			}
		})
	}
}

func TestLoadSaysWhatCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := Load(missing+".crt", missing+".key")
	problems := FileErrors(err)
	if len(problems) != 2 || problems[0].File != Cert || problems[1].File != Key {
		t.Fatalf("not one problem for each file: %v", err)
	}
	for _, problem := range problems {
		if !errors.Is(problem, fs.ErrNotExist) || strings.Count(problem.Error(), problem.Path) != 1 {
			t.Errorf("want one path and a file that does not exist: %v", problem)
		}
	}
	dir := t.TempDir()
	if _, err := Load(dir, dir); len(FileErrors(err)) != 2 {
		t.Errorf("a folder is not a file: %v", err)
	}
}

func TestOtherErrorsAreNobodysFile(t *testing.T) {
	if list := FileErrors(errors.New("disk full")); list != nil {
		t.Errorf("got %v", list)
	}
	if list := FileErrors(nil); list != nil {
		t.Errorf("got %v", list)
	}
}
