package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header carries the signature: "t=<unix seconds>,v1=<hex>", where v1 is the HMAC-SHA256, keyed with the
// secret, of "<t>.<body>".
const Header = "Orderly-Signature"

// Tolerance is how old a signature may be where nothing else is decided.
const Tolerance = 5 * time.Minute

// Sign makes the header's value for a body that leaves now.
func Sign(secret string, body []byte, now time.Time) string {
	t := strconv.FormatInt(now.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(sum(secret, t, body))
}

func sum(secret, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// The reasons why Verify refuses.
var (
	ErrNoSignature = errors.New("the header " + Header + " is missing or not of the form t=…,v1=…")
	ErrSignature   = errors.New("the signature does not fit the body and the secret")
	ErrTime        = errors.New("the signature is too old, or from the future: this may be a replay")
)

// Verify says whether body was sent, unchanged and not longer ago than tolerance, by whoever knows secret.
// header is the value of the header Orderly-Signature, body the request's as it came, before any parsing.
// Of several v1 one has to fit, so that a secret can be changed while both are in use.
func Verify(secret, header string, body []byte, now time.Time, tolerance time.Duration) error {
	t, signatures := split(header)
	sent, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signatures) == 0 {
		return ErrNoSignature
	}
	want, fits := sum(secret, t, body), false
	for _, signature := range signatures {
		got, err := hex.DecodeString(signature)
		fits = fits || err == nil && hmac.Equal(got, want)
	}
	if !fits {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(sent, 0)).Abs(); age > tolerance {
		return fmt.Errorf("%w (%s off)", ErrTime, age.Round(time.Second))
	}
	return nil
}

// split reads "t=1,v1=a,v1=b"; what it does not know it leaves for later versions.
func split(header string) (t string, signatures []string) {
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			t = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	return t, signatures
}
