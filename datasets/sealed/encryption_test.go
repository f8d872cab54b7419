package sealed

import (
	"path/filepath"
	"testing"

	"filippo.io/age"

	"debut/datasets/configfile"
)

// A key that is none is told with its place: the line of the file, or the entry of the list.
func TestRecipients(t *testing.T) {
	dir := t.TempDir()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key := id.Recipient().String()
	writeTo(t, dir, "keys.txt", "# the shop\r\n\r\n  "+key+"\r\n# the office\r\nage1wrong\r\n")
	writeTo(t, dir, "good.txt", "# the shop\n"+key+"\n")
	writeTo(t, dir, "none.txt", "# nobody\n")
	for _, c := range []struct {
		e    Encryption
		want string
	}{
		{Encryption{RecipientsFile: "keys.txt"}, "encrypt.recipients_file: keys.txt:5: a public key of age begins with age1"},
		{Encryption{Recipients: configfile.Strings{key, "ssh-rsa"}}, "encrypt.recipients.1: a public key of age begins with age1"},
		{Encryption{RecipientsFile: "none.txt"}, "encrypt.recipients_file: holds no key"},
		{Encryption{RecipientsFile: "nowhere.txt"}, "encrypt.recipients_file: "},
	} {
		_, err := c.e.Read(dir, "encrypt", nil)
		wantError(t, err, c.want)
	}
	to, err := (&Encryption{Recipients: configfile.Strings{key}, RecipientsFile: filepath.Join(dir, "good.txt")}).Read(dir, "encrypt", nil)
	if err != nil || len(to) != 2 {
		t.Errorf("%d keys: %v", len(to), err)
	}
}
